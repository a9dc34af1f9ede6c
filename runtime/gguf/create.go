package gguf

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Create writes the file at path: fill describes and streams it. The bytes go to a temporary file
// in the same folder, which takes the name path only when it is complete and on disk. On any
// failure, fill's own included, it is removed and what was at path stays as it was.
func Create(path string, fill func(*Writer) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", path, err)
		}
	}()
	// os.CreateTemp would give the result mode 0600 whatever the umask.
	tmp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%08x.tmp", filepath.Base(path), rand.Uint32()))
	h, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	done := false
	defer func() { // runs when fill panics, too
		if !done {
			h.Close()
			os.Remove(tmp)
		}
	}()
	w := NewWriter(h)
	if err := fill(w); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := h.Sync(); err != nil {
		return err
	}
	if err := h.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	done = true
	return nil
}
