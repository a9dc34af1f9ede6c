package gen

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Write brings the tree below dir up to date and returns what it changed. Files that are already
// right are not touched, so that their times stay. New texts are complete on disk under temporary
// names before the first is renamed into place, and left-over generated files are removed last.
// Nothing changes when a file that kvgen did not make stands in the way.
func (f Files) Write(dir string) ([]Finding, error) {
	found, err := f.Diff(dir)
	if err != nil {
		return nil, err
	}
	for _, d := range found {
		if d.Reason == Headerless {
			return nil, errors.New(d.String())
		}
	}
	staged := map[string]string{} // final name -> temporary name
	defer func() {
		for _, tmp := range staged {
			os.Remove(tmp)
		}
	}()
	for _, d := range found {
		if d.Reason == Orphan {
			continue
		}
		name := filepath.Join(dir, filepath.FromSlash(d.Path))
		if staged[name], err = stage(name, f[d.Path]); err != nil {
			return nil, err
		}
	}
	for _, d := range found {
		name := filepath.Join(dir, filepath.FromSlash(d.Path))
		if d.Reason == Orphan {
			err = os.Remove(name)
		} else if err = os.Rename(staged[name], name); err == nil {
			delete(staged, name)
		}
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// stage writes text beside name under a temporary name that the go command ignores.
func stage(name string, text []byte) (tmp string, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(name), "_kvgen-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if e := f.Chmod(0o644); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("writing %s: %w", name, err)
	}
	return f.Name(), nil
}
