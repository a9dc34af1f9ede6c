package metal

import (
	"os"
	"path/filepath"

	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// archive keeps the machine code of a program's kernels on disk, in a file named by the hash of all
// that it depends on. What the file lacks is compiled and added. That the text is read at all is
// spared by the system's own cache, which no call opens. An archive only spares time: whatever
// fails with it, kernels are compiled without.
type archive struct {
	id   objc.ID // MTLBinaryArchive
	file string
	full bool // it was read from the file
}

// UserFolder is the folder of this user's caches.
func UserFolder() (string, error) {
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "kvrun", "metal"), err
}

// openArchive opens the file of a program, or begins one; nil where that fails.
func (d *Device) openArchive(key string) *archive {
	if d.folder == "" {
		return nil
	}
	a := &archive{file: filepath.Join(d.folder, key+".archive")}
	descriptor := d.api.New(d.runtime.Class("MTLBinaryArchiveDescriptor"))
	defer d.api.Release(descriptor)
	if _, err := os.Stat(a.file); err == nil {
		d.withURL(a.file, func(url objc.ID) { d.api.SetURL(descriptor, url) })
		var e objc.ID
		if a.id = d.api.NewArchive(d.device, descriptor, &e); a.id != 0 {
			a.full = true
			return a
		}
		os.Remove(a.file) // of another version, or cut off
		d.api.SetURL(descriptor, 0)
	}
	var e objc.ID
	if a.id = d.api.NewArchive(d.device, descriptor, &e); a.id == 0 {
		return nil
	}
	return a
}

// withURL has the URL of a file for as long as f runs.
func (d *Device) withURL(file string, f func(url objc.ID)) {
	path := d.newString(file)
	defer d.api.Release(path)
	f(d.api.FileURL(d.runtime.Class("NSURL"), path))
}

// use makes a pipeline of a descriptor out of the file, 0 if it has none.
func (a *archive) use(d *Device, descriptor objc.ID) (pipeline objc.ID) {
	if a == nil {
		return 0
	}
	d.api.SetArchives(descriptor, d.api.ArrayOf(d.runtime.Class("NSArray"), a.id))
	if !a.full {
		return 0
	}
	var e objc.ID // says that the file has none
	return d.api.NewPipeline(d.device, descriptor, failOnMiss, nil, &e)
}

// add keeps the machine code of a descriptor, in a file that appears whole.
func (a *archive) add(d *Device, descriptor objc.ID) {
	if a == nil || os.MkdirAll(filepath.Dir(a.file), 0o777) != nil {
		return
	}
	var e objc.ID
	if !d.api.AddToArchive(a.id, descriptor, &e) {
		return
	}
	tmp, err := os.MkdirTemp(filepath.Dir(a.file), "new-*")
	if err != nil {
		return
	}
	defer os.RemoveAll(tmp)
	whole, written := filepath.Join(tmp, "archive"), false
	d.withURL(whole, func(url objc.ID) { written = d.api.WriteArchive(a.id, url, &e) })
	if written {
		os.Rename(whole, a.file)
	}
}

func (a *archive) release(d *Device) {
	if a != nil {
		d.api.Release(a.id)
	}
}
