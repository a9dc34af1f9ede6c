package hf

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/quantize"
	"github.com/kvgen/kvgen/runtime/safetensors"
)

// Source is a folder as a quantize.Source.
type Source struct {
	folder  *safetensors.Folder
	table   *kernels.Table
	tensors []quantize.Tensor
	from    []tensor // of the same index
	about   metadata
	id      string
}

// IsFolder reports whether path is a folder, and so a model of this package.
func IsFolder(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// Open reads all but the weights of a folder.
func Open(dir string, table *kernels.Table) (*Source, error) {
	c, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	if full, err := filepath.Abs(dir); err == nil {
		c.title = filepath.Base(full)
	}
	s := &Source{table: table}
	c.metadata(&s.about)
	if err := readVocabulary(dir, c, &s.about); err != nil {
		return nil, err
	}
	if s.folder, err = safetensors.OpenFolder(dir); err != nil {
		return nil, err
	}
	if err = s.bind(c, table); err == nil {
		err = s.identify(c)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return s, nil
}

// Close closes the files.
func (s *Source) Close() error { return s.folder.Close() }

// identify sets what tells the folder from others, and from what it was before.
func (s *Source) identify(c *config) error {
	ids := []string{fmt.Sprint("safetensors ", c.rope)}
	for _, f := range s.folder.Files {
		st, err := f.Stat()
		if err != nil {
			return err
		}
		ids = append(ids, fmt.Sprint(st.Name(), " ", st.Size(), " ", st.ModTime()))
	}
	slices.Sort(ids)
	s.id = strings.Join(ids, "\n")
	return nil
}

// Tensors implements quantize.Source.
func (s *Source) Tensors() []quantize.Tensor { return s.tensors }

// Describe implements quantize.Source.
func (s *Source) Describe(w *gguf.Writer) error {
	for _, e := range s.about.entries {
		if err := w.Set(e.key, e.value); err != nil {
			return err
		}
	}
	return nil
}

// Identity implements quantize.Source.
func (s *Source) Identity() string { return s.id }

// Bytes implements quantize.Source.
func (s *Source) Bytes(i int, off int64, dst []byte) error {
	t, dims := s.from[i], s.tensors[i].Dims
	if len(dims) == 1 {
		return s.values(t, dims[0], off, dst)
	}
	if t.heads == 0 {
		return t.from.Read(dst, off)
	}
	for row := s.tensors[i].Size / dims[1]; len(dst) > 0; {
		at := off % row
		n := min(row-at, int64(len(dst)))
		if err := t.from.Read(dst[:n], sourceRow(off/row, dims[1], t.heads)*row+at); err != nil {
			return err
		}
		off, dst = off+n, dst[n:]
	}
	return nil
}

// values copies bytes of a vector of n values, as f32, to dst.
func (s *Source) values(t tensor, n, off int64, dst []byte) error {
	x := t.values
	if t.from != nil {
		raw := make([]byte, t.from.Size)
		if err := t.from.Read(raw, 0); err != nil {
			return err
		}
		x = make([]float32, n)
		s.table.ByID(types[t.from.Type]).Best().Decode(x, raw)
	}
	all := make([]byte, 0, 4*n)
	for r := range n {
		all = binary.LittleEndian.AppendUint32(all, math.Float32bits(x[sourceRow(r, n, t.heads)]))
	}
	copy(dst, all[off:])
	return nil
}
