// Package gputest is what tests of packages of runtime/gpu share: a device, which the tag emulate
// has a CPU play and the tag gpu finds in the machine; rows and weights on it; and oracles.
package gputest
