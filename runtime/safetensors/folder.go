package safetensors

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-json-experiment/json"
)

const (
	single = "model.safetensors"
	index  = "model.safetensors.index.json"
	// bytes of an index, and files that one may name
	maxIndex = 64 << 20
	maxFiles = 2048
)

// Folder is the weights of a model: of the one file of a folder, or of those that its index names.
type Folder struct {
	Files   []*File
	Tensors map[string]*Tensor
}

// OpenFolder opens the files of a folder.
func OpenFolder(dir string) (*Folder, error) {
	d := &Folder{Tensors: map[string]*Tensor{}}
	err := d.add(filepath.Join(dir, single), nil)
	if errors.Is(err, os.ErrNotExist) {
		err = d.indexed(dir)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Close closes the files.
func (d *Folder) Close() error {
	var errs []error
	for _, f := range d.Files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// add opens a file. of tells the file that an index has a tensor in.
func (d *Folder) add(path string, of map[string]string) error {
	f, err := Open(path)
	if err != nil {
		return err
	}
	d.Files = append(d.Files, f)
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if of != nil && of[t.Name] != filepath.Base(path) {
			return fmt.Errorf("%s has tensor %s, which %s does not have there", path, quoted(t.Name), index)
		}
		d.Tensors[t.Name] = t
	}
	return nil
}

// indexed opens the files that the index of a folder names.
func (d *Folder) indexed(dir string) error {
	path := filepath.Join(dir, index)
	text, err := ReadText(path, maxIndex)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s has neither %s nor %s", dir, single, index)
	}
	if err != nil {
		return err
	}
	var x struct {
		Of map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &x); err != nil {
		return fmt.Errorf("%s: %.200s", path, err.Error())
	}
	seen := map[string]bool{}
	tensors := slices.Sorted(maps.Keys(x.Of)) // so that the same folder has the same error
	for _, tensor := range tensors {
		name := x.Of[tensor]
		if filepath.Base(name) != name || filepath.Ext(name) != ".safetensors" {
			return fmt.Errorf("%s: tensor %s is in %.80q: want the name of a .safetensors file of the folder", path, quoted(tensor), name)
		}
		if seen[name] {
			continue
		}
		if seen[name] = true; len(seen) > maxFiles {
			return fmt.Errorf("%s names more than %d files", path, maxFiles)
		}
		if err := d.add(filepath.Join(dir, name), x.Of); err != nil {
			return err
		}
	}
	for _, tensor := range tensors {
		name := x.Of[tensor]
		if d.Tensors[tensor] == nil {
			return fmt.Errorf("%s has no tensor %s, which %s has there", filepath.Join(dir, name), quoted(tensor), index)
		}
	}
	return nil
}

// ReadText reads a regular file of at most limit bytes.
func ReadText(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s has more than the %d bytes that are allowed", path, limit)
	}
	return text, err
}
