package cpu

import "syscall"

// performanceCores counts the cores of the fastest kind, as macOS tells on Apple's processors
// (developer.apple.com, "Determining system capabilities"). It is 0 where it does not tell.
func performanceCores() int {
	n, err := syscall.SysctlUint32("hw.perflevel0.physicalcpu")
	if err != nil {
		return 0
	}
	return int(n)
}
