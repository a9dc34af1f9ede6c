package selftest

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// memoryBytes is the memory of the machine, 0 where the system does not say.
func memoryBytes() uint64 {
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) != nil {
		return 0
	}
	return uint64(s.Totalram) * uint64(s.Unit)
}

// systemVersion is the release of the kernel. The name of the host is left out.
func systemVersion() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// cpuModel is what the system says of the processor where the processor itself says nothing: on
// arm64 the numbers of its maker and part, each kind of core once, and the name of the board.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	var said []string
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !slices.Contains([]string{"model name", "Model", "Hardware", "CPU implementer", "CPU part", "CPU variant", "CPU revision"}, name) {
			continue
		}
		if word := strings.TrimPrefix(name, "CPU ") + " " + value; !slices.Contains(said, word) && len(said) < 16 {
			said = append(said, word)
		}
	}
	return strings.Join(said, ", ")
}
