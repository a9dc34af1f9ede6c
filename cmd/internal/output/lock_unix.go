//go:build unix

package output

import (
	"os"

	"golang.org/x/sys/unix"
)

// movesOpen says that a file can be renamed and removed while it is open.
const movesOpen = true

// errLocked is that another program has the lock.
const errLocked = unix.EWOULDBLOCK

// lock claims the file until it is closed.
func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
