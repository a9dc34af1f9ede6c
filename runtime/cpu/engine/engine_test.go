package engine

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// rotations are two RoPEs of heads of 8 values, one of each pairing, the second of half of a head.
func rotations() *program.Program {
	return &program.Program{
		Ropes: []*program.RopeForm{
			{Kind: program.Halves, Dims: 8, Magnitude: 1.5, Short: []float64{1, .3, .05, .01}},
			{Kind: program.Adjacent, Dims: 4, Magnitude: 1, Short: []float64{.7, .02}, Long: []float64{.1, .01}, Original: 256},
		},
		Attention: []*program.AttentionStep{{Rope: 1}, {Rope: 0}},
	}
}

// TestShift moves keys from position 9 to 4, by the frequencies of the context's size, and compares
// them with keys that were rotated for position 4.
func TestShift(t *testing.T) {
	table, p := kernels.Default(), rotations()
	vec := cpu.NewVec(table)
	key := []float32{1, -2, 3, -4, 5, -6, 7, -8}
	for layer, a := range p.Attention {
		for _, size := range []int{256, 512} {
			at := func(pos int32) []float32 {
				r := newRopeTable(p.Ropes[a.Rope], size, 1, p.Ropes[a.Rope].Magnitude)
				r.fill([]int32{pos})
				x := append([]float32(nil), key...)
				r.apply(vec, x, r.cos, r.sin)
				return x
			}
			got, want := at(9), at(4)
			NewShift(table, p, size, -5).Rotate(layer, got)
			for i := range want {
				if math.Abs(float64(got[i]-want[i])) > 2e-6*32 {
					t.Errorf("layer %d of %d positions: value %d is %g, want %g", layer, size, i, got[i], want[i])
				}
			}
		}
	}
}

// TestKernelOf: what a matrix is multiplied by depends on its type, and on whether its rows are
// whole groups of activations.
func TestKernelOf(t *testing.T) {
	for _, c := range []struct {
		name              string
		n                 int
		int8, transformed bool
	}{
		{"f32", 64, false, false},
		{"q8_0", 64, true, false},
		{"q4_K", 256, true, false},
		{"lm4_128", 128, true, true},
	} {
		typ := kernels.Default().ByName(c.name)
		k := KernelOf(&program.Weight{Type: typ, Rows: 1, N: c.n})
		if k.ISA != typ.Best().ISA || k.Int8 != c.int8 || k.Transformed != c.transformed {
			t.Errorf("%s, rows of %d: %+v", c.name, c.n, k)
		}
	}
}
