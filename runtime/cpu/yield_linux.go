package cpu

import "golang.org/x/sys/unix"

// yield lets another thread of the machine run on this core, if one waits for it.
func yield() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
