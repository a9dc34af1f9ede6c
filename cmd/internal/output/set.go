package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Set is what one command reads and writes. Its zero value is ready for use once Stdout is set.
type Set struct {
	Context context.Context // ends waiting for the other side of a pipe; nil for never
	Stdout  io.Writer       // what "-" stands for

	mu      sync.Mutex
	inputs  []namedFile
	outputs []namedFile
}

// namedFile is a file that a command reads or writes.
type namedFile struct {
	flag, path string
	name       string      // what path comes to when links are followed
	dir, info  os.FileInfo // of its folder and of itself, nil where there is none
}

// A Request says what is to be written where.
type Request struct {
	Flag   string // that named the file, for errors: "--out"
	Path   string // "-" is the standard output
	Kind   Kind
	Force  bool        // replace an older result
	Update bool        // the command goes on with what is there, so that it needs no force
	Mode   fs.FileMode // of a new file, of which the umask takes its part; 0 for 0666
}

// Input records that the command reads path. It is an error if the command also writes it. Nothing,
// "-" and files that are not regular are not checked.
func (s *Set) Input(flag, path string) error {
	if path == "" || path == "-" {
		return nil
	}
	p := find(flag, path)
	if p.info == nil || !p.info.Mode().IsRegular() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.outputs {
		if o.same(p) {
			return both(o, p, "is read: it would be replaced")
		}
	}
	s.inputs = append(s.inputs, p)
	return nil
}

// Create opens an output, or says why it cannot be written.
func (s *Set) Create(r Request) (*File, error) {
	name := r.name()
	if number, ok := descriptor(r.Path); ok {
		return s.descriptor(r, number)
	}
	p := find(r.Flag, r.Path)
	switch {
	case p.info != nil && p.info.IsDir():
		return nil, fmt.Errorf("%s is a folder", name)
	case p.info != nil && !p.info.Mode().IsRegular():
		return s.device(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.free(p); err != nil {
		return nil, err
	}
	if out, ok := s.Stdout.(*os.File); ok && p.info != nil {
		if info, err := out.Stat(); err == nil && os.SameFile(info, p.info) {
			return nil, fmt.Errorf("%s is where the standard output goes", name)
		}
	}
	if p.info != nil {
		if err := r.replaces(p); err != nil {
			return nil, err
		}
	}
	f, err := create(r, p)
	if err != nil {
		return nil, r.Cannot(err)
	}
	f.set = s
	s.outputs = append(s.outputs, p)
	return f, nil
}

// Replace writes text over a file that the command is asked to change, whole or not at all.
func Replace(path string, text []byte) error {
	var s Set
	f, err := s.Create(Request{Path: path, Kind: Kind{is: func([]byte, string) bool { return true }}, Update: true})
	if err != nil {
		return err
	}
	return f.Fill(func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// Check is Create for a file that is opened by other means, to be read and written: nothing is
// made, but the rules hold.
func (s *Set) Check(r Request) error {
	if _, ok := descriptor(r.Path); ok {
		return fmt.Errorf("%s: want a file", r.name())
	}
	p := find(r.Flag, r.Path)
	if p.info != nil && !p.info.Mode().IsRegular() {
		return fmt.Errorf("%s: want a file that can be read again", r.name())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.free(p); err != nil {
		return err
	}
	if p.info != nil && p.info.Mode().IsRegular() {
		if err := r.replaces(p); err != nil {
			return err
		}
	}
	s.outputs = append(s.outputs, p)
	return nil
}

// forget removes an output that is finished.
func (s *Set) forget(p namedFile) {
	s.outputs = slices.DeleteFunc(s.outputs, func(o namedFile) bool { return o == p })
}

// free returns an error for a place that the command reads or writes already.
func (s *Set) free(p namedFile) error {
	for _, i := range s.inputs {
		if i.same(p) {
			return both(p, i, "is read: it would be replaced")
		}
	}
	for _, o := range s.outputs {
		if o.same(p) {
			return both(p, o, "is written too: want two files")
		}
	}
	return nil
}

// replaces returns the reason why the file at p must not be replaced, or nil.
func (r *Request) replaces(p namedFile) error {
	name := r.name()
	if p.info.Size() > 0 {
		head, err := beginning(p.name)
		switch {
		case err != nil:
			return fmt.Errorf("%s: it exists and cannot be looked at: %w", name, reason(err))
		case r.Kind.is == nil || !r.Kind.is(head, p.name):
			return fmt.Errorf("%s exists and is %s, which is never replaced; want another name", name, describe(head, p.name))
		case !r.Force && !r.Update:
			return fmt.Errorf("%s exists, %s; --force replaces it", name, r.Kind.Name)
		}
	}
	if p.info.Mode()&0o200 == 0 {
		return fmt.Errorf("%s is read-only (mode %04o)", name, p.info.Mode().Perm())
	}
	return nil
}

func (r *Request) name() string {
	if r.Flag == "" {
		return r.Path
	}
	return r.Flag + " " + r.Path
}

// beginning returns the first bytes of a file.
func beginning(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], err
}

// find looks up path, following links, and the folder it is in.
func find(flag, path string) namedFile {
	p := namedFile{flag: flag, path: path, name: follow(path)}
	p.info, _ = os.Stat(path)
	p.dir, _ = os.Stat(filepath.Dir(p.name))
	return p
}

// follow returns where the links at path lead, whether or not there is a file.
func follow(path string) string {
	for range 40 {
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			break
		}
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return path
}

// same reports whether both are one file, or would be.
func (p namedFile) same(q namedFile) bool {
	if p.info != nil && q.info != nil {
		return os.SameFile(p.info, q.info)
	}
	return p.info == nil && q.info == nil && p.dir != nil && q.dir != nil && os.SameFile(p.dir, q.dir) && filepath.Base(p.name) == filepath.Base(q.name)
}

// both is the error for two paths that are one file.
func both(p, q namedFile, so string) error {
	name := func(f namedFile) string { r := Request{Flag: f.flag, Path: f.path}; return r.name() }
	return fmt.Errorf("%s is the file of %s, which %s", name(p), name(q), so)
}
