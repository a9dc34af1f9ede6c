package quantize

import (
	"fmt"
	"os"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
)

// Tensor is a tensor of a source.
type Tensor struct {
	Name string
	Dims []int64 // 1 to 4 lengths, innermost first
	// nil for one without kernels, such as a table of integers, which is copied
	Type *kernels.Type
	ID   uint32 // ggml type number
	Size int64  // bytes, as the source has it
}

// columns is the length of a row, rows how many there are.
func (t *Tensor) columns() int { return int(t.Dims[0]) }

func (t *Tensor) rows() int64 {
	n := int64(1)
	for _, d := range t.Dims[1:] {
		n *= d
	}
	return n
}

// values is how many values there are.
func (t *Tensor) values() int64 { return t.rows() * t.Dims[0] }

// Source is a model to be written anew. Its methods may be called from several goroutines.
type Source interface {
	// Tensors are those of the result, in its order.
	Tensors() []Tensor

	// Describe adds the metadata of the result. Keys that say how weights are stored are not
	// among them.
	Describe(w *gguf.Writer) error

	// Bytes copies bytes of tensor t, from byte off on, to dst.
	Bytes(t int, off int64, dst []byte) error

	// Identity changes when what the source gives does.
	Identity() string
}

// File is a source: a GGUF file.
type File struct {
	f       *gguf.File
	tensors []Tensor
	id      string
}

// about are keys that tell how the weights of a file are stored.
var about = map[string]bool{
	"general.file_type": true, "general.quantization_version": true, "split.no": true, "split.count": true, "split.tensors.count": true,
	"quantize.imatrix.file": true, "quantize.imatrix.dataset": true, "quantize.imatrix.entries_count": true, "quantize.imatrix.chunks_count": true,
}

// NewFile takes f, which stays open for as long as the source is used.
func NewFile(f *gguf.File, table *kernels.Table) (*File, error) {
	s := &File{f: f}
	for i := range f.Tensors() {
		t := &f.Tensors()[i]
		typ := table.ByID(int(t.Type))
		if typ == nil {
			return nil, fmt.Errorf("tensor %.64q is of %s, for which there are no kernels", t.Name, gguf.TypeName(t.Type))
		}
		s.tensors = append(s.tensors, Tensor{Name: t.Name, Dims: t.Dims, Type: typ, ID: t.Type, Size: t.Size})
	}
	s.id = fmt.Sprint("gguf ", f.Path(), f.Size)
	if stamps, ok := f.Stamps(); ok {
		s.id += fmt.Sprint(stamps)
	} else if st, err := os.Stat(f.Path()); err == nil {
		s.id += st.ModTime().String()
	}
	return s, nil
}

// Tensors implements Source.
func (s *File) Tensors() []Tensor { return s.tensors }

// Describe implements Source.
func (s *File) Describe(w *gguf.Writer) error {
	for _, key := range s.f.Keys() {
		if about[key] {
			continue
		}
		if err := w.Copy(s.f, key); err != nil {
			return err
		}
	}
	return nil
}

// Bytes implements Source.
func (s *File) Bytes(t int, off int64, dst []byte) error {
	data, err := s.f.Data(&s.f.Tensors()[t])
	if err != nil {
		return err
	}
	return s.f.Guard(func() error {
		copy(dst, data[off:])
		return nil
	})
}

// Identity implements Source.
func (s *File) Identity() string { return s.id }
