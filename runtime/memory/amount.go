package memory

// Total is the memory of the machine in bytes, with what it swaps, or less where a control group
// allows less; 0 where the system does not say.
func Total() int64 {
	n := total()
	if c := contained(); c > 0 && (n == 0 || c < n) {
		return c
	}
	return n
}
