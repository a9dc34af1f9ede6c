package gguf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unsafe"
)

// File is an open model file. Its methods may be called from several goroutines; Close must not run
// beside them.
type File struct {
	Version    uint32 // 2 or 3
	Alignment  int64  // of tensor data, a power of two
	DataOffset int64  // where the data section starts
	// bytes in the file when it was opened, without the other parts of a split model
	Size int64

	entries []entry
	byKey   map[string]int
	tensors []Tensor
	byName  map[string]int
	parts   []*File // of a split model, after this one

	r    io.ReaderAt // metadata values are read from here when asked for
	data []byte      // the whole file; nil once closed
	base uintptr     // address of data[0], kept past Close for Guard
	os   *os.File    // nil for Parse
}

// Open maps the file at path read-only and parses its header. A malformed header is an *Error,
// wrapped with the path. Of a split model, path is the first part; the others are found beside it
// by name.
func Open(path string, sizes TypeSize) (*File, error) {
	f, err := openPart(path, sizes)
	if err != nil {
		return nil, err
	}
	if err := f.join(path, sizes); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func openPart(path string, sizes TypeSize) (*File, error) {
	// Stat comes first: opening a named pipe would wait for a writer.
	switch st, err := os.Stat(path); {
	case err != nil && isURL(path):
		return nil, fmt.Errorf("%s: an address, and local files are read here: download it first", path)
	case err != nil:
		return nil, err
	case st.IsDir():
		return nil, fmt.Errorf("%s: a folder%s", path, inside(path))
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file (%s)", path, st.Mode().Type())
	}
	h, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := openHandle(h, sizes)
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// isURL reports whether a name that is no file is the address of one.
func isURL(path string) bool {
	scheme, rest, ok := strings.Cut(path, "://")
	return ok && rest != "" && scheme != "" && !strings.ContainsAny(scheme, "/\\. ")
}

// inside says what of a folder may be meant.
func inside(path string) string {
	var models []string
	others := ""
	entries, _ := os.ReadDir(path)
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".gguf":
			models = append(models, fmt.Sprintf("%q", e.Name()))
		case ".safetensors", ".bin", ".pth":
			others = ", whose weights are to be converted to GGUF"
		}
	}
	const shown = 4
	switch n := len(models); {
	case n == 0 && others != "":
		return others
	case n == 0:
		return " without a .gguf file"
	case n > shown:
		return fmt.Sprintf(": name a file in it, such as %s or one of %d more", strings.Join(models[:shown], ", "), n-shown)
	}
	return ": name a file in it, such as " + strings.Join(models, ", ")
}

func openHandle(h *os.File, sizes TypeSize) (*File, error) {
	st, err := h.Stat()
	if err != nil {
		return nil, err
	}
	f, err := parse(h, st.Size(), sizes)
	if err != nil {
		return nil, err
	}
	data, err := mapFile(h, f.Size)
	if err != nil {
		return nil, fmt.Errorf("mapping %d bytes: %w", f.Size, err)
	}
	f.setData(data)
	f.os = h
	return f, nil
}

// Parse reads a file that is in memory, such as an embedded model. Tensors are views of data, as
// aligned as data is. A part of a split model is read by itself.
func Parse(data []byte, sizes TypeSize) (*File, error) {
	f, err := parse(bytes.NewReader(data), int64(len(data)), sizes)
	if err != nil {
		return nil, err
	}
	f.setData(data)
	return f, nil
}

func (f *File) setData(data []byte) {
	f.data = data
	f.base = uintptr(unsafe.Pointer(unsafe.SliceData(data)))
}

// Close unmaps the file. No view of it may be used afterwards.
func (f *File) Close() error {
	data, h := f.data, f.os
	f.data, f.os = nil, nil
	var errs []error
	if h != nil {
		errs = append(errs, unmapFile(data), h.Close())
	}
	for _, p := range f.parts {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// Tensors returns all tensors in the order of the header. They are not to be changed.
func (f *File) Tensors() []Tensor { return f.tensors }

// Tensor finds a tensor by name.
func (f *File) Tensor(name string) (*Tensor, bool) {
	i, ok := f.byName[name]
	if !ok {
		return nil, false
	}
	return &f.tensors[i], true
}

// Data returns the bytes of one of f's tensors, a read-only view of t.Size bytes: writing to it is
// a fault. It fails for a type that TypeSize did not know, and after Close.
func (f *File) Data(t *Tensor) ([]byte, error) {
	f = f.holder(t)
	switch {
	case !t.known:
		return nil, &Error{Offset: t.at - 4, Field: "type of tensor " + quoted(t.Name), Got: TypeName(t.Type), Limit: "a type this program has kernels for"}
	case f.data == nil:
		return nil, fmt.Errorf("gguf: data of tensor %s: %w", quoted(t.Name), os.ErrClosed)
	case t.Offset < 0 || t.Size < 0 || t.Offset > f.Size || t.Size > f.Size-t.Offset:
		return nil, t.bad(fmt.Sprintf("a tensor of this file of %d bytes", f.Size), "%d bytes at %d", t.Size, t.Offset)
	}
	return f.data[t.Offset : t.Offset+t.Size : t.Offset+t.Size], nil
}
