//go:build unix

package output

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock claims the file until it is closed.
func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
