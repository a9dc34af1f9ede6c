package memory

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// contained is the limit of the control groups. It is read once: who moves a limit starts the
// program again.
var contained = sync.OnceValue(func() int64 { return cgroup(os.DirFS("/")) })

// total is the memory of the machine and what it swaps to, in bytes; 0 where it is not known.
func total() int64 {
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) != nil {
		return 0
	}
	return (int64(s.Totalram) + int64(s.Totalswap)) * int64(s.Unit)
}
