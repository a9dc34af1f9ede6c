//go:build !linux && !darwin

package selftest

// memoryBytes is 0: it is not known how to ask this system.
func memoryBytes() uint64 { return 0 }

func systemVersion() string { return "" }

func cpuModel() string { return "" }
