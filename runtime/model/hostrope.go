package model

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
)

// ropeTable is the cosines and sines of a batch, computed once and shared by all layers of a RoPE.
type ropeTable struct {
	*RopeForm
	freq      []float64 // [Dims/2] of the context's size
	magnitude float32
	cos, sin  []float32 // [n][Dims/2]
}

// newRopeTable is a table for batches of at most n tokens in a context of size positions.
func newRopeTable(r *RopeForm, size, n int, magnitude float32) ropeTable {
	half := r.Dims / 2
	return ropeTable{RopeForm: r, freq: r.At(size), magnitude: magnitude, cos: make([]float32, n*half), sin: make([]float32, n*half)}
}

// apply applies RoPE to one head.
func (r *ropeTable) apply(v cpu.Vec, x, cos, sin []float32) {
	if r.Kind == Adjacent {
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
