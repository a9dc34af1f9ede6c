//go:build unix

package gguf

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// mapped writes and opens a model of one f32 tensor of n bytes, filled with 1.
func mapped(t *testing.T, n int64) (f *File, path string, data []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "m.gguf")
	err := Create(path, func(w *Writer) error {
		w.Set("general.name", "cut")
		w.Tensor("w", f32, []int64{n / 4}, n)
		return w.Data("w", bytes.Repeat([]byte{1}, int(n)))
	})
	if err != nil {
		t.Fatal(err)
	}
	if f, err = Open(path, testSizes); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	ts, _ := f.Tensor("w")
	if data, err = f.Data(ts); err != nil {
		t.Fatal(err)
	}
	return f, path, data
}

var sink byte

// A file is cut while mapped and touched in every way that code touches weights: the process lives,
// each time.
func TestGuardCutFile(t *testing.T) {
	const size = 1 << 20
	f, path, data := mapped(t, size)
	if err := os.Truncate(path, 8192); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		touch func()
	}{
		{"load", func() { sink = data[size-1] }},
		{"loop", func() {
			for _, b := range data {
				sink += b
			}
		}},
		{"copy", func() { copy(make([]byte, size), data) }}, // memmove
		// a leaf in assembly
		{"assembly", func() { sink = byte(bytes.IndexByte(data[16384:], 9)) }},
		{"compare", func() { bytes.Equal(data[size/2:], make([]byte, size/2)) }}, // memequal
	} {
		for range 3 { // it works again after it has worked
			err := f.Guard(func() error { c.touch(); return nil })
			var e *Error
			if !errors.As(err, &e) || e.Field != "mapped data" || e.Offset < 8192 || e.Offset >= f.Size {
				t.Errorf("%s: got %v, want an *Error in the part that was cut", c.name, err)
			}
		}
	}
	if err := f.Guard(func() error { sink = data[0]; return nil }); err != nil {
		t.Errorf("the part that is left: %v", err)
	}
	if name, _, err := f.Str("general.name"); name != "cut" || err != nil {
		t.Errorf("metadata that is left: %q, %v", name, err)
	}
}

func TestGuardWorkers(t *testing.T) {
	const size = 1 << 20
	f, path, data := mapped(t, size)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			errs[i] = f.Guard(func() error {
				copy(make([]byte, size/8), data[i*size/8:])
				return nil
			})
		})
	}
	wg.Wait()
	for i, err := range errs {
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("worker %d: got %v, want an *Error", i, err)
		}
	}
	var e *Error
	if _, _, err := f.Str("general.name"); !errors.As(err, &e) {
		t.Errorf("metadata of an emptied file: %v, want an *Error", err)
	}
}

// Guard hides nothing else.
func TestGuardPasses(t *testing.T) {
	f, _, _ := mapped(t, 4096)
	mine := errors.New("mine")
	if err := f.Guard(func() error { return mine }); err != mine {
		t.Errorf("got %v, want fn's own error", err)
	}
	elsewhere, err := unix.Mmap(-1, 0, 4096, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(elsewhere)
	var null *File
	for name, fn := range map[string]func() error{
		"panic":              func() error { panic("mine") },
		"nil dereference":    func() error { sink = byte(null.Size); return nil },
		"fault elsewhere":    func() error { sink = elsewhere[0]; return nil },
		"index out of range": func() error { sink = elsewhere[len(elsewhere)]; return nil },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: swallowed", name)
				}
			}()
			f.Guard(fn)
		}()
	}
}

// Guard covers every part of a split model.
func TestGuardParts(t *testing.T) {
	first := writeSplit(t, three())
	f, err := Open(first, testSizes)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, _ := f.Tensor("w2")
	data, err := f.Data(x)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(strings.Replace(first, "00001-of", "00003-of", 1), 0); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if err := f.Guard(func() error { sink = data[0]; return nil }); !errors.As(err, &e) {
		t.Errorf("got %v, want an *Error", err)
	}
}

func TestOpenPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, testSizes); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
}
