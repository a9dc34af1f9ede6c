//go:build unix

package memory

import "golang.org/x/sys/unix"

// given reports whether the system gives so many bytes: it maps them, touches none and unmaps them.
func given(bytes int64) bool {
	b, err := unix.Mmap(-1, 0, int(bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return false
	}
	return unix.Munmap(b) == nil
}
