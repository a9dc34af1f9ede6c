package kernels

import "github.com/kvgen/kvgen/kernels/cpu"

// Vec is the operations on vectors of f32, under one instruction set.
type Vec = cpu.Vec

// Vecs returns the implementations that this CPU can run, best first. The last is portable Go. All give the same bits.
func Vecs() []*Vec { return cpu.Vecs() }

// BestVec returns the implementation to use: the first of Vecs that SelectISA allows.
func BestVec() *Vec { return vec }

// Exp is e to the x, the bits of Vec's ExpSum.
func Exp(x float32) float32 { return cpu.Exp(x) }

func findVec() *Vec {
	for _, v := range cpu.Vecs() {
		for k := range isas[selected:] {
			if isas[selected+k].Name == v.ISA {
				return v
			}
		}
	}
	return &cpu.VecGeneric
}
