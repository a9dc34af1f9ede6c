package spec

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxRead exceeds the largest spec file that is accepted. A file that never ends, such as
// /dev/zero, is read no further.
const maxRead = 1 << 20

// ReadFile reads a spec file, unless it has more bytes than any spec.
func ReadFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return readAll(name, f)
}

// readFile is ReadFile within a folder.
func readFile(folder fs.FS, name string) ([]byte, error) {
	f, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	return readAll(name, f)
}

func readAll(name string, f fs.File) ([]byte, error) {
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRead+1))
	if err == nil && len(text) > maxRead {
		err = fmt.Errorf("%s: more than %d bytes: no spec", name, maxRead)
	}
	return text, err
}

// ReadFolder reads the spec files of a folder, *.hcl, by name.
func ReadFolder(folder fs.FS) (map[string][]byte, error) {
	names, err := fs.Glob(folder, "*.hcl")
	files := map[string][]byte{}
	for _, name := range names {
		if files[name], err = readFile(folder, name); err != nil {
			return nil, err
		}
	}
	return files, err
}
