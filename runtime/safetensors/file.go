package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Limits on what a file may ask for. The first is the format's own.
const (
	maxHeader  = 100_000_000 // bytes
	maxTensors = 1 << 17
	maxDims    = 8
)

// File is an open file.
type File struct {
	Tensors []Tensor // in the order of their data
	path    string
	f       *os.File
}

// Tensor is a tensor of a file.
type Tensor struct {
	Name  string
	Type  string  // F32, F16, BF16 and others
	Shape []int64 // outermost first
	Size  int64   // bytes
	at    int64   // from the start of the data; of the file, once it is open
	file  *File
}

// Open reads the header of a file.
func Open(path string) (*File, error) {
	h, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, f: h}
	if err := f.read(); err != nil {
		h.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Close closes the file. Its tensors cannot be read any more.
func (f *File) Close() error { return f.f.Close() }

// Stat is that of the file.
func (f *File) Stat() (os.FileInfo, error) { return f.f.Stat() }

func (f *File) read() error {
	st, err := f.f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return errors.New("this is no regular file")
	}
	var first [8]byte
	if _, err := f.f.ReadAt(first[:], 0); err != nil {
		return fmt.Errorf("a file of %d bytes is no safetensors file", st.Size())
	}
	n := binary.LittleEndian.Uint64(first[:])
	if limit := min(maxHeader, st.Size()-int64(len(first))); n > uint64(limit) {
		return fmt.Errorf("the header has %d bytes, allowed: %d; is this a safetensors file?", n, limit)
	}
	header := make([]byte, n)
	if _, err := f.f.ReadAt(header, int64(len(first))); err != nil {
		return err
	}
	start := int64(len(first)) + int64(n)
	if f.Tensors, err = parse(header, st.Size()-start); err != nil {
		return err
	}
	for i := range f.Tensors {
		f.Tensors[i].at += start
		f.Tensors[i].file = f
	}
	return nil
}

// Read copies bytes of the tensor, from byte off on, to dst. It may be called from several
// goroutines.
func (t *Tensor) Read(dst []byte, off int64) error {
	if off < 0 || off > t.Size-int64(len(dst)) {
		return fmt.Errorf("%s: bytes %d to %d of tensor %s, which has %d", t.file.path, off, off+int64(len(dst)), quoted(t.Name), t.Size)
	}
	if _, err := t.file.f.ReadAt(dst, t.at+off); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file was cut short since it was opened")
		}
		return fmt.Errorf("%s: tensor %s: %w", t.file.path, quoted(t.Name), err)
	}
	return nil
}

// quoted is a name of a file for an error.
func quoted(name string) string { return fmt.Sprintf("%.80q", name) }
