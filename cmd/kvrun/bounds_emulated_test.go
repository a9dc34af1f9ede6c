//go:build emulate

package main

// rounding bounds logits with caches of f16; see TestModelsOnGPU.
const rounding = 2e-4
