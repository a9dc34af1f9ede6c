package gguf

import (
	"os"

	"golang.org/x/sys/unix"
)

// keepsChanges are the file systems whose time of the last change is their own and not that of the
// last write.
var keepsChanges = map[int64]bool{
	unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true, unix.F2FS_SUPER_MAGIC: true,
	unix.TMPFS_MAGIC: true, unix.OVERLAYFS_SUPER_MAGIC: true, 0x2fc12fc1: true, // ZFS
}

func stampOf(h *os.File) (s Stamp, ok bool) {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if unix.Fstatfs(int(h.Fd()), &fs) != nil || !keepsChanges[int64(uint32(fs.Type))] || unix.Fstat(int(h.Fd()), &st) != nil {
		return s, false
	}
	return Stamp{uint64(st.Dev), st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()}, true
}
