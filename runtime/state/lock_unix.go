//go:build unix

package state

import (
	"os"

	"golang.org/x/sys/unix"
)

// Lock claims a file until it is closed, so that no two programs write it. It does not wait.
func Lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
