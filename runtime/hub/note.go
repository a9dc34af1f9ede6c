package hub

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
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

// fits reports whether the file that a note describes is the one that is wanted of a commit, and
// there. Where nobody says the SHA-256, another commit may have other bytes under the same name.
func (n *note) fits(f *File, commit string) bool {
	info, err := os.Stat(f.Path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != n.Size || f.Size >= 0 && n.Size != f.Size {
		return false
	}
	if f.SHA256 == "" {
		if n.Commit != commit {
			return false
		}
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

// replace writes a small file in one step. Whoever may read the file beside it may read it.
func replace(path string, b []byte) error {
	name := fmt.Sprintf(".%s-%08x", filepath.Base(path), rand.Uint32())
	t, err := os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
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

// notesBelow are the names, with slashes, of the files below a folder that have a note.
func notesBelow(dir string) (names []string) {
	for _, name := range filesBelow(dir) {
		if file, ok := strings.CutSuffix(name, noteSuffix); ok && !strings.HasSuffix(file, partSuffix) {
			names = append(names, file)
		}
	}
	return names
}

// filesBelow are the names, with slashes, of at most maxFiles files below a folder, which may be a
// link. A link to a file is one, and a folder that cannot be read is left out.
func filesBelow(dir string) (names []string) {
	seen := 0
	fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if seen++; seen > maxFiles {
			return fs.SkipAll
		}
		if err != nil {
			return nil
		}
		if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err == nil && info.Mode().IsRegular() {
			names = append(names, name)
		}
		return nil
	})
	return names
}
