package state

import (
	"os"

	"golang.org/x/sys/windows"
)

// Lock claims a file until it is closed, so that no two programs write it. It does not wait. The
// lock is on a byte far behind the end, as locked bytes cannot be read by others.
func Lock(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
}
