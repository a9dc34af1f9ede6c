package hub

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The names beside a file: what is not whole yet, and what a whole or an unfinished file is.
const (
	partSuffix = ".part"
	noteSuffix = ".kvrun.json"
)

// A note is what is kept beside a file.
type note struct {
	Name   string `json:"name"` // as Parse reads it
	From   string `json:"from"` // the address, without its query
	Commit string `json:"commit,omitempty"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
	Said   bool   `json:"announced"` // the publisher said the SHA-256; else it was counted here
	ETag   string `json:"etag,omitempty"`
}

// readNote is the note of a file, and fails where there is none or the file has another length.
func readNote(path string) (*note, error) {
	b, err := readSmall(path+noteSuffix, 1<<16)
	if err != nil {
		return nil, err
	}
	var n note
	return &n, json.Unmarshal(b, &n)
}

// fits reports whether the file that a note describes is the one that is wanted, and there.
func (n *note) fits(f *File) bool {
	info, err := os.Stat(f.Path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != n.Size || f.Size >= 0 && n.Size != f.Size {
		return false
	}
	if f.SHA256 == "" {
		f.Size, f.SHA256 = n.Size, n.SHA256
		return true
	}
	return n.SHA256 == f.SHA256
}

// write puts the note beside the file in one step.
func (n *note) write(path string) error {
	b, err := json.MarshalIndent(n, "", " ")
	if err != nil {
		return err
	}
	return replace(path+noteSuffix, append(b, '\n'))
}

// replace writes a small file in one step.
func replace(path string, b []byte) error {
	t, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = t.Write(b)
	if err == nil {
		err = t.Sync()
	}
	if bad := t.Close(); err == nil {
		err = bad
	}
	if err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
		os.Remove(t.Name())
	}
	return err
}

// notesBelow are the files below a folder that have a note.
func notesBelow(dir string) (paths []string) {
	seen := 0
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if seen++; err != nil || seen > maxFiles {
			return fs.SkipAll
		}
		if file, ok := strings.CutSuffix(path, noteSuffix); ok && !strings.HasSuffix(file, partSuffix) && d.Type().IsRegular() {
			paths = append(paths, file)
		}
		return nil
	})
	return paths
}
