package engine

import (
	"math"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// ropeTable is the cosines and sines of a batch, computed once and shared by all layers of a RoPE.
type ropeTable struct {
	*program.RopeForm
	freq      []float64 // [Dims/2] of the context's size
	magnitude float32
	cos, sin  []float32 // [n][Dims/2]
}

// newRopeTable is a table for batches of at most n tokens in a context of size positions.
func newRopeTable(r *program.RopeForm, size, n int, magnitude float32) ropeTable {
	half := r.Dims / 2
	return ropeTable{RopeForm: r, freq: r.At(size), magnitude: magnitude, cos: make([]float32, n*half), sin: make([]float32, n*half)}
}

// apply applies RoPE to one head.
func (r *ropeTable) apply(v cpu.Vec, x, cos, sin []float32) {
	if r.Kind == program.Adjacent {
		v.RopeAdjacent(x, cos, sin)
	} else {
		v.RopeHalves(x, cos, sin)
	}
}

// fill computes the table for positions.
func (r *ropeTable) fill(pos []int32) {
	for j, p := range pos {
		for i, f := range r.freq {
			s, c := math.Sincos(float64(p) * f)
			r.cos[j*len(r.freq)+i], r.sin[j*len(r.freq)+i] = float32(c)*r.magnitude, float32(s)*r.magnitude
		}
	}
}

// Shift rotates keys that a cache holds to other positions.
type Shift struct {
	program *program.Program
	vec     cpu.Vec
	tables  []ropeTable // by RoPE; the magnitude is in the keys already
}

// NewShift is the shift by delta positions in contexts of size positions.
func NewShift(table *kernels.Table, p *program.Program, size int, delta int32) *Shift {
	s := &Shift{program: p, vec: cpu.NewVec(table)}
	for _, f := range p.Ropes {
		r := newRopeTable(f, size, 1, 1)
		r.fill([]int32{delta})
		s.tables = append(s.tables, r)
	}
	return s
}

// Rotate rotates the key x of a head of a KV layer. A layer without a RoPE knows no positions, and
// its keys stay. Where a norm came after RoPE, its weights are taken out on the way.
func (s *Shift) Rotate(layer int, x []float32) {
	a := s.program.Attention[layer]
	if a.Rope < 0 {
		return
	}
	weighted := a.NormsLast && a.KNorm != nil && a.KNorm.W != nil
	for i := range x {
		if weighted {
			x[i] /= a.KNorm.W[i]
		}
	}
	r := &s.tables[a.Rope]
	r.apply(s.vec, x, r.cos, r.sin)
	if weighted {
		s.vec.Mul(x, x, a.KNorm.W)
	}
}
