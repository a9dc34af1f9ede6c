//go:build unix

package gguf

import (
	"os"

	"golang.org/x/sys/unix"
)

func mapFile(h *os.File, size int64) ([]byte, error) {
	if int64(int(size)) != size {
		return nil, unix.ENOMEM // a 32-bit address space
	}
	return unix.Mmap(int(h.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
}

func unmapFile(data []byte) error { return unix.Munmap(data) }
