//go:build unix

package model

import (
	"io/fs"
	"os"
	"syscall"
)

// ownFile says whether nobody but this user, and root, can have written a file.
func ownFile(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid() && info.Mode().Perm()&0o022 == 0
}
