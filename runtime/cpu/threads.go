package cpu

import "runtime"

// Threads is how many workers a pool has by default: one per core that Go may use, and no more than
// there are performance cores where the system tells which those are. A step of a model ends with
// its slowest worker, so that an efficiency core among them makes it later.
func Threads() int {
	n := runtime.GOMAXPROCS(0)
	if fast := performanceCores(); fast > 0 {
		return min(n, fast)
	}
	return n
}
