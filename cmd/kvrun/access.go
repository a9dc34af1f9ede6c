package main

import (
	"fmt"
	"io"
	"os"
)

// maxAccess is more bytes than certificates, their keys and credentials have. What never ends, such
// as /dev/zero, is read no further.
const maxAccess = 1 << 20

// readAccess reads a file of such.
func (e *environment) readAccess(path string) ([]byte, error) {
	return during(e.ctx, func() ([]byte, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxAccess+1))
		if err == nil && len(text) > maxAccess {
			err = fmt.Errorf("%.200s: more than %d bytes", path, maxAccess)
		}
		return text, err
	})
}

// checkAccess looks at one that a library reads itself, again whenever a connection was lost.
func checkAccess(flag, path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", flag, err)
	case !info.Mode().IsRegular() || info.Size() > maxAccess:
		return fmt.Errorf("%s %.200s: want a file of at most %d bytes", flag, path, maxAccess)
	}
	return nil
}
