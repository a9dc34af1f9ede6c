package kernels

import "github.com/kvgen/kvgen/kernels/cpu"

// Vec holds the operations on vectors of f32 of one instruction set.
type Vec = cpu.Vec

// Vecs returns the implementations that this CPU can run, best first. The last is portable Go. All
// give the same bits.
func Vecs() []*Vec { return cpu.Vecs() }

// Exp is e to the x, the bits of Vec's ExpSum.
func Exp(x float32) float32 { return cpu.Exp(x) }
