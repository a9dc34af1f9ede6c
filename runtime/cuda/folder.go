package cuda

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
)

// Folder keeps compiled kernels on disk, a file each, named by the hash of all that they depend on.
// Any number of processes may use it at once: a file appears whole under its final name, and one
// whose content does not match its own checksum does not count.
type Folder struct{ Path string }

// UserFolder is the folder of this user's caches.
func UserFolder() (*Folder, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	return &Folder{filepath.Join(dir, "kvrun", "cuda")}, nil
}

// A file is: magic, SHA-256 of the image, the image.
var magic = []byte("kvrun cuda kernel 1\n")

func (f *Folder) file(key string) string { return filepath.Join(f.Path, key+".bin") }

// Get returns the image kept under key. A file that is not as Put wrote it is removed.
func (f *Folder) Get(key string) (image []byte, ok bool) {
	if f == nil {
		return nil, false
	}
	b, err := os.ReadFile(f.file(key))
	if err != nil {
		return nil, false
	}
	if rest, found := bytes.CutPrefix(b, magic); found && len(rest) > sha256.Size {
		if sum := sha256.Sum256(rest[sha256.Size:]); bytes.Equal(sum[:], rest[:sha256.Size]) {
			return rest[sha256.Size:], true
		}
	}
	os.Remove(f.file(key))
	return nil, false
}

// Put keeps an image. A nil folder keeps nothing.
func (f *Folder) Put(key string, image []byte) error {
	if f == nil {
		return nil
	}
	if err := os.MkdirAll(f.Path, 0o777); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(f.Path, "new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails once it has its final name
	sum := sha256.Sum256(image)
	_, err = tmp.Write(bytes.Join([][]byte{magic, sum[:], image}, nil))
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), f.file(key))
}
