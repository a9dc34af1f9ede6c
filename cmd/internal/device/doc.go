// Package device opens the GPU that a command computes on: one of this machine or, built with the
// tag emulate, one that the processor plays.
package device
