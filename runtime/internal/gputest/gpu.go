//go:build gpu

package gputest

// Emulating is false where tests run on a GPU (-tags gpu). They fail where there is none.
const Emulating = false
