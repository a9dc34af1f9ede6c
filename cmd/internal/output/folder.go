package output

import (
	"os"
	"path/filepath"
)

// lockName is the file in a temporary folder that is locked while its program lives.
const lockName = "lock"

// Folder makes a temporary folder, and removes those of programs that were killed. Call remove when
// it is no longer needed.
func Folder(name string) (dir string, remove func(), err error) {
	clean(os.TempDir())
	live.Lock()
	defer live.Unlock()
	dir = filepath.Join(os.TempDir(), nameFor(name))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", nil, err
	}
	h, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		os.RemoveAll(dir)
		return "", nil, err
	}
	lock(h) // where it cannot be had, the folder is not cleaned up after a kill
	live.files[h] = dir
	return dir, func() { discard(h) }, nil
}
