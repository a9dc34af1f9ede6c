package output

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// File is an output that is being written. It takes its name when it is committed.
type File struct {
	request Request
	set     *Set
	to      namedFile // nothing for what is no regular file
	h       *os.File
	b       *bufio.Writer
	out     bool // the standard output
	failed  error
	done    bool
}

// create makes the temporary file of an output at p.
func create(r Request, p namedFile) (*File, error) {
	dir := filepath.Dir(p.name)
	clean(dir)
	h, err := temporary(dir, filepath.Base(p.name), cmp.Or(r.Mode, 0o666))
	if err != nil {
		return nil, err
	}
	if p.info != nil {
		if err := h.Chmod(p.info.Mode().Perm()); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			discard(h)
			return nil, err
		}
	}
	return &File{request: r, to: p, h: h, b: bufio.NewWriterSize(h, 1<<20)}, nil
}

// descriptor is the number of the open file that a path stands for.
func descriptor(path string) (int, bool) {
	switch path {
	case "-", "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	for _, dir := range []string{"/dev/fd", "/proc/self/fd"} {
		if filepath.Dir(path) == dir {
			n, err := strconv.ParseUint(filepath.Base(path), 10, 31)
			return int(n), err == nil
		}
	}
	return 0, false
}

// descriptor writes to a file that is open.
func (s *Set) descriptor(r Request, number int) (*File, error) {
	if number == 1 {
		return &File{request: r, set: s, out: true, b: bufio.NewWriterSize(s.Stdout, 1<<20)}, nil
	}
	h := os.NewFile(uintptr(number), r.Path)
	if h == nil {
		return nil, fmt.Errorf("%s: no open file has this number", r.name())
	}
	if _, err := h.Stat(); err != nil {
		return nil, fmt.Errorf("%s: no open file has this number", r.name())
	}
	return &File{request: r, set: s, b: bufio.NewWriterSize(h, 1<<20)}, nil
}

// device opens what is no regular file, such as a pipe. A pipe that nobody reads is waited for.
func (s *Set) device(r Request) (*File, error) {
	type opened struct {
		h   *os.File
		err error
	}
	done := make(chan opened, 1)
	go func() {
		h, err := os.OpenFile(r.Path, os.O_WRONLY, 0)
		done <- opened{h, err}
	}()
	var end <-chan struct{}
	if s.Context != nil {
		end = s.Context.Done()
	}
	select {
	case o := <-done:
		if o.err != nil {
			return nil, r.Cannot(o.err)
		}
		return &File{request: r, set: s, h: o.h, b: bufio.NewWriterSize(o.h, 1<<20)}, nil
	case <-end:
		return nil, context.Canceled
	}
}

// IsStdout reports whether the file is the standard output, where then nothing else should be
// printed.
func (f *File) IsStdout() bool { return f.out }

// Write writes through a buffer. The first error stays.
func (f *File) Write(p []byte) (int, error) {
	if f.failed != nil {
		return 0, f.failed
	}
	n, err := f.b.Write(p)
	if err != nil {
		f.failed = f.request.Cannot(err)
	}
	return n, f.failed
}

// Fill writes what fill writes, and commits the file.
func (f *File) Fill(fill func(io.Writer) error) error {
	err := fill(f)
	if f.failed != nil {
		err = f.failed
	}
	if err != nil {
		f.Close()
		return err
	}
	return f.Commit()
}

// Commit puts the file in its place, whole.
func (f *File) Commit() error {
	if f.done {
		return errors.New("an output is committed twice, or after it was closed")
	}
	err := f.failed
	if err == nil {
		err = f.request.Cannot(f.b.Flush())
	}
	if err != nil || !f.isTemporary() {
		return errors.Join(err, f.Close())
	}
	if err = f.h.Sync(); err == nil {
		err = f.place()
	}
	return errors.Join(f.request.Cannot(err), f.Close())
}

// place renames the file to its name, unless a file is there now that was not when it was opened,
// or that was written since.
func (f *File) place() error {
	name, was := f.to.name, f.to.info
	now, err := os.Stat(name)
	appeared := err == nil && (was == nil && now.Size() > 0 ||
		was != nil && (!os.SameFile(now, was) || now.Size() != was.Size() || !now.ModTime().Equal(was.ModTime())))
	if appeared && !f.request.Update {
		spare := spareName(name)
		if err := rename(f.h, spare); err != nil {
			return err
		}
		return fmt.Errorf("%s: another file of this name was written meanwhile; the result is in %s", f.request.name(), spare)
	}
	return rename(f.h, name)
}

// spareName is a name beside one that is taken.
func spareName(name string) string {
	for i := 2; ; i++ {
		spare := fmt.Sprintf("%s.%d", name, i)
		if _, err := os.Lstat(spare); errors.Is(err, os.ErrNotExist) {
			return spare
		}
	}
}

// isTemporary reports whether the file still has to get its name.
func (f *File) isTemporary() bool { return f.h != nil && f.to.name != "" }

// Close gives the file up, unless it was committed: nothing of it stays.
func (f *File) Close() error {
	if f.done {
		return nil
	}
	f.done = true
	switch {
	case f.isTemporary():
		discard(f.h)
		f.set.mu.Lock()
		f.set.forget(f.to)
		f.set.mu.Unlock()
	case f.h != nil:
		return f.request.Cannot(f.h.Close())
	}
	return nil
}

// Cannot puts an error of the system in words; other errors stay as they are.
func (r *Request) Cannot(err error) error {
	var number syscall.Errno
	switch name := r.name(); {
	case err == nil || !errors.As(err, &number):
		return err
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("cannot write %s: the disk is full; nothing was left behind", name)
	case errors.Is(err, syscall.EROFS) || errors.Is(err, os.ErrPermission):
		return fmt.Errorf("cannot write %s: the folder is read-only (%w)", name, number)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("cannot write %s: there is no folder %s", name, filepath.Dir(r.Path))
	}
	return fmt.Errorf("cannot write %s: %w", r.name(), number)
}

// reason is an error without the name of the file.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
