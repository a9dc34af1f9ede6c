package gguf

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wantOnly checks that dir holds the named files and nothing else.
func wantOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("the folder holds %v, want %v", got, names)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	for range 2 { // the second time it replaces
		if err := Create(path, writeKinds); err != nil {
			t.Fatal(err)
		}
		wantOnly(t, dir, "m.gguf")
	}
	f, err := Open(path, testSizes)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	checkConsistent(t, f)
}

// Whatever fails, one error says so with the path, the old file stays, and no other is left.
func TestCreateFails(t *testing.T) {
	stop := errors.New("stopped")
	for _, c := range []struct {
		name string
		fill func(*Writer) error
		want error
	}{
		{"fill", func(w *Writer) error { writeKinds(w); return stop }, stop},
		{"incomplete", func(w *Writer) error { w.Tensor("t", f32, []int64{1}, 4); return nil }, nil},
		{"disk full, said by fill", func(w *Writer) error { w.out = bufio.NewWriterSize(&full{100}, 16); return writeKinds(w) }, errFull},
		{"disk full, fill does not look", func(w *Writer) error { w.out = bufio.NewWriterSize(&full{100}, 16); writeKinds(w); return nil }, errFull},
		{"disk full at the last flush", func(w *Writer) error { w.out = bufio.NewWriter(&full{100}); return writeKinds(w) }, errFull},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "m.gguf")
			if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
				t.Fatal(err)
			}
			err := Create(path, c.fill)
			if err == nil || !strings.Contains(err.Error(), "writing "+path) || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			wantOnly(t, dir, "m.gguf")
			if got := readFile(t, path); string(got) != "old" {
				t.Errorf("the old file holds %q", got)
			}
		})
	}
	t.Run("panic", func(t *testing.T) {
		dir := t.TempDir()
		func() {
			defer func() { recover() }()
			Create(filepath.Join(dir, "m.gguf"), func(*Writer) error { panic("fill") })
		}()
		wantOnly(t, dir)
	})
	t.Run("no folder", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "absent", "m.gguf")
		if err := Create(path, writeKinds); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("path is a folder", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "m.gguf"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := Create(filepath.Join(dir, "m.gguf"), writeKinds); err == nil {
			t.Error("no error")
		}
		wantOnly(t, dir, "m.gguf")
	})
}
