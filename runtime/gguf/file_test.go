package gguf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.gguf")
	if err := os.WriteFile(bad, []byte("GGML and more"), 0o666); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.gguf")
	if err := os.WriteFile(empty, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "absent.gguf"): "absent.gguf",
		dir:                               `a folder: name a file in it, such as "bad.gguf", "empty.gguf"`,
		t.TempDir():                       "a folder without a .gguf file",
		bad:                               "no GGUF file but a GGML file of before GGUF",
		empty:                             "the file is empty",
		"https://example.org/m.gguf":      "an address, and local files are read here",
	} {
		_, err := Open(path, testSizes)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}

func TestData(t *testing.T) {
	f := mustParse(t, small())
	c, ok := f.Tensor("c")
	if !ok {
		t.Fatal("no tensor c")
	}
	var e *Error
	if _, err := f.Data(c); !errors.As(err, &e) || !strings.HasPrefix(e.Got, "type 999") || e.Field != `type of tensor "c"` {
		t.Errorf("data of an unknown type: %v", err)
	}
	a, _ := f.Tensor("a")
	b, err := f.Data(a)
	if err != nil || len(b) != 32 || cap(b) != 32 || a.Elements() != 8 {
		t.Errorf("data of a: %d bytes, room for %d, %v", len(b), cap(b), err)
	}
	if _, err := f.Data(&Tensor{Name: "other", Offset: 1 << 40, Size: 8}); !errors.As(err, &e) {
		t.Errorf("another file's tensor: %v", err)
	}
	if _, ok := f.Tensor("absent"); ok {
		t.Error("found a tensor that is absent")
	}
}

func TestClose(t *testing.T) {
	f, err := Open(modelPath(models[0]), testSizes)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // closing twice is harmless
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := f.Data(&f.Tensors()[0]); !errors.Is(err, os.ErrClosed) {
		t.Errorf("data after Close: %v", err)
	}
	if _, _, err := f.Str("general.architecture"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("metadata after Close: %v", err)
	}
}
