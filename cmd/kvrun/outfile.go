package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// writeFile writes the file at path: what fill writes goes to a temporary file in the same folder, which takes the name
// only when it is complete. On any failure it is removed, and what was at path stays as it was. "-" is w.
func writeFile(path string, w io.Writer, fill func(io.Writer) error) (err error) {
	if path == "-" {
		return flush(w, fill)
	}
	if s, err := os.Stat(path); err == nil && !s.Mode().IsRegular() {
		return writeDevice(path, fill)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return cannotWrite(path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	b := bufio.NewWriterSize(f, 1<<20)
	if err := fill(b); err != nil {
		return cannotWrite(path, err)
	}
	for _, step := range []func() error{b.Flush, func() error { return f.Chmod(0o644) }, f.Sync, f.Close} {
		if err := step(); err != nil {
			return cannotWrite(path, err)
		}
	}
	return cannotWrite(path, os.Rename(f.Name(), path))
}

// writeDevice writes to what is no regular file, such as a pipe, and so cannot be replaced.
func writeDevice(path string, fill func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return cannotWrite(path, err)
	}
	defer f.Close()
	return cannotWrite(path, flush(f, fill))
}

func flush(w io.Writer, fill func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, 1<<20)
	if err := fill(b); err != nil {
		return err
	}
	return b.Flush()
}

// cannotWrite says so in words where the system refused; errors of other origin stay as they are.
func cannotWrite(path string, err error) error {
	var number syscall.Errno
	switch {
	case err == nil || !errors.As(err, &number):
		return err
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("cannot write %s: the disk is full; nothing was left behind", path)
	case errors.Is(err, syscall.EROFS) || errors.Is(err, os.ErrPermission):
		return fmt.Errorf("cannot write %s: the folder is read-only (%v)", path, number)
	}
	return fmt.Errorf("cannot write %s: %w", path, err)
}

// maxText is the most that is read of a text: what never ends, such as /dev/zero, must not take all memory.
const maxText = 256 << 20

// readAll is what r holds, at most limit bytes.
func readAll(r io.Reader, limit int64) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than the %d bytes that are read of a text", limit)
	}
	return string(data), err
}
