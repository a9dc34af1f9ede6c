package gguf

import (
	"bytes"
	"slices"
	"testing"
)

// TestLayout writes a copy of a model by its layout: header first, tensors at their offsets in any
// order. It has the bytes that the stream has, whatever kinds its metadata is of.
func TestLayout(t *testing.T) {
	for _, name := range models {
		f, err := Open(modelPath(name), testSizes)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var want bytes.Buffer
		w := NewWriter(&want)
		if err := copyFile(w, f); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		w = NewWriter(nil)
		for _, key := range f.Keys() {
			if err := w.Copy(f, key); err != nil {
				t.Fatal(err)
			}
		}
		for _, x := range f.Tensors() {
			if err := w.Tensor(x.Name, x.Type, x.Dims, x.Size); err != nil {
				t.Fatal(err)
			}
		}
		header, tensors, size, err := w.Layout()
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, size)
		copy(got, header)
		for i, x := range slices.Backward(tensors) {
			data, err := f.Data(&f.Tensors()[i])
			if err != nil {
				t.Fatal(err)
			}
			copy(got[x.Offset:], data)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s: the layout gives another file than the stream", name)
		}
		if err := w.Set("more", true); err == nil {
			t.Error("metadata after the layout")
		}
	}
}

func TestCopyErrors(t *testing.T) {
	f, err := Open(modelPath(models[0]), testSizes)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := NewWriter(nil)
	if err := w.Copy(f, "no.such.key"); err == nil || err != w.Copy(f, "general.architecture") {
		t.Errorf("got %v, which must stick", err)
	}
}
