package memory

import "golang.org/x/sys/unix"

// total is the memory of the machine and what it swaps to, in bytes; 0 where it is not known.
func total() int64 {
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) != nil {
		return 0
	}
	return (int64(s.Totalram) + int64(s.Totalswap)) * int64(s.Unit)
}
