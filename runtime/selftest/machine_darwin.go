package selftest

import "golang.org/x/sys/unix"

// memoryBytes is the memory of the machine, 0 where the system does not say.
func memoryBytes() uint64 {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return n
}

// systemVersion is the release of macOS.
func systemVersion() string {
	s, _ := unix.Sysctl("kern.osproductversion")
	return s
}

// cpuModel is what the system calls the processor.
func cpuModel() string {
	s, _ := unix.Sysctl("machdep.cpu.brand_string")
	return s
}
