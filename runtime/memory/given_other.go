//go:build !unix

package memory

// given is not asked here: there is no limit for a process that a user sets by hand.
func given(int64) bool { return true }
