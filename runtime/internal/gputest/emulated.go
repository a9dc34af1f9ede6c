//go:build emulate && !gpu

package gputest

// Emulating says that the tests run on a CPU, on kernels compiled by g++ (-tags emulate). They are
// about indices and arithmetic.
const Emulating = true
