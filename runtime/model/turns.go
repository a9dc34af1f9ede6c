package model

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
)

// turns is a Rope bound to a model.
type turns struct {
	kind      Pairing
	dims      int
	freq      []float64 // [dims/2]
	long      []float64 // [dims/2] for contexts of more than original positions, nil for the same
	original  int
	magnitude float32 // of cosines and sines
	index     int     // of its ropeTable in a pass
}

// rope binds a RoPE; layers that share the *Rope share the result.
func (b *binder) rope(r *Rope) *turns {
	if r == nil {
		return nil
	}
	if t, ok := b.ropes[r]; ok {
		return t
	}
	t := &turns{kind: r.Kind, dims: r.Dims, original: r.Original, magnitude: r.magnitude(), index: len(b.turns)}
	short, long := b.divisors(r.Short, r.Dims/2), b.divisors(r.Long, r.Dims/2)
	if short == nil && long == nil {
		short = b.divisors(r.Factors, r.Dims/2)
		long = short
	}
	t.freq = r.frequencies(short)
	if r.Long != "" {
		t.long = r.frequencies(long)
	}
	b.ropes[r], b.turns = t, append(b.turns, t)
	return t
}

// divisors is an optional tensor of n divisors of frequencies.
func (b *binder) divisors(name Linear, n int) []float32 {
	if full := string(name) + ".weight"; name != "" && b.has(full) {
		return b.vector(full, n)
	}
	return nil
}

// isLong reports whether a context of so many positions takes the long factors. llama.cpp compares after it has rounded
// the size up to a multiple of 256, which decides for models whose Original is small.
func (t *turns) isLong(size int) bool {
	const unit = 256
	return t.long != nil && (size+unit-1)/unit*unit > t.original
}

// at is the frequencies for a context of so many positions.
func (t *turns) at(size int) []float64 {
	if t.isLong(size) {
		return t.long
	}
	return t.freq
}

// apply turns one head.
func (t *turns) apply(x, cos, sin []float32) {
	if t.kind == Adjacent {
		cpu.RopeAdjacent(x, cos, sin)
	} else {
		cpu.RopeHalves(x, cos, sin)
	}
}

// ropeTable is the cosines and sines of a batch, computed once and shared by all layers of a RoPE.
type ropeTable struct {
	freq      []float64 // [dims/2] of the context's size
	magnitude float32
	cos, sin  []float32 // [n][dims/2]
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
