//go:build !race

package gguf

// slowdown is what the race detector costs where a test measures time.
const slowdown = 1
