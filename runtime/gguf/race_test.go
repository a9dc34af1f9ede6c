//go:build race

package gguf

const slowdown = 10
