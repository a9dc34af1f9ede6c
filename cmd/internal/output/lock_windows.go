package output

import (
	"os"

	"golang.org/x/sys/windows"
)

// movesOpen says that a file can be renamed and removed while it is open.
const movesOpen = false

// errLocked is that another program has the lock.
const errLocked = windows.ERROR_LOCK_VIOLATION

// lock claims the file until it is closed. The lock is on a byte far behind the end, since locked
// bytes cannot be written by others.
func lock(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
}
