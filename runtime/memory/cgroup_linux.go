package memory

import (
	"bytes"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Where systems mount the control groups of memory: version 2, and version 1.
const (
	unified    = "sys/fs/cgroup"
	controller = "sys/fs/cgroup/memory"
)

// cgroup is the least limit of memory, in bytes, of the control groups that this process is in, as
// of a container: of both versions, of the group itself and all above it. It is 0 where there is
// none, and has what the group may swap only where swap is limited too.
func cgroup(root fs.FS) (least int64) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(groups)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3) // 5:memory:/a/b, or 0::/a/b
		if len(part) != 3 {
			continue
		}
		mount, files := unified, [2]string{"memory.max", "memory.swap.max"}
		switch {
		case part[0] == "0" && part[1] == "":
		case strings.Contains(","+part[1]+",", ",memory,"):
			mount, files = controller, [2]string{"memory.limit_in_bytes", ""}
		default:
			continue
		}
		// In a container the path may be that outside, of which nothing is mounted but the group
		// itself, as the root.
		for dir := path.Clean("/" + part[2]); ; dir = path.Dir(dir) {
			bytes, ok := number(root, mount+dir, files[0])
			if swap, some := number(root, mount+dir, files[1]); ok && some {
				bytes += swap
			}
			if ok && (least == 0 || bytes < least) {
				least = bytes
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// unlimited is above every limit: version 1 writes the largest number of pages for none.
const unlimited = 1 << 60

// number is what a file of a group says; ok is false where it says that there is no limit.
func number(root fs.FS, dir, file string) (n int64, ok bool) {
	text, err := fs.ReadFile(root, path.Join(dir, file))
	if err != nil || file == "" {
		return 0, false
	}
	n, err = strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	return n, err == nil && n >= 0 && n < unlimited
}
