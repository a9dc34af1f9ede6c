package model

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
)

// Pairing says which values of a head RoPE turns together.
type Pairing int

// The pairings: (0,1) (2,3) ... and (0,n/2) (1,n/2+1) ...
const (
	Adjacent Pairing = iota
	Halves
)

// Rope is a rotary position encoding: at position p the pair i turns by p * frequency[i].
type Rope struct {
	Kind    Pairing
	Dims    int     // values of a head that turn, from the first
	Base    float32 // frequency[i] = Base^(-2i/Dims)
	Factor  float32 // linear scaling: positions are divided by it; 0 or 1 for none
	Yarn    *Yarn   // nil for none
	Factors Linear  // optional tensor of Dims/2 divisors of the frequencies
}

// Yarn is the scaling of arXiv:2309.00071: slow pairs are scaled by Factor, fast ones are left, with a ramp between.
type Yarn struct {
	Original           int     // context length before the scaling
	BetaFast, BetaSlow float32 // turns over the original context where the ramp begins and ends
	Magnitude          float32 // factor of cosines and sines
}

// Rope reads the RoPE of the file.
func (h *Header) Rope(kind Pairing) *Rope {
	dim := h.head("attention.key_length")
	r := &Rope{Kind: kind, Dims: h.Int("rope.dimension_count", dim), Base: h.Float("rope.freq_base", 10000)}
	if r.Dims > dim || r.Dims%2 != 0 {
		h.fail(fmt.Errorf("%s = %d: it must be even and at most the head size %d", h.key("rope.dimension_count"), r.Dims, dim))
	}
	if h.Has("rope.scale_linear") { // the key of old files
		r.Factor = h.Float("rope.scale_linear", 1)
	}
	switch kind := h.Str("rope.scaling.type"); kind {
	case "none":
		r.Factor = 0
	case "", "linear":
		if h.Has("rope.scaling.factor") {
			r.Factor = h.Float("rope.scaling.factor", 1)
		}
	case "yarn":
		r.Factor = h.Float("rope.scaling.factor", 1)
		r.Yarn = &Yarn{
			Original: h.Int("rope.scaling.original_context_length", h.Context),
			BetaFast: h.Float("rope.scaling.yarn_beta_fast", 32),
			BetaSlow: h.Float("rope.scaling.yarn_beta_slow", 1),
		}
		r.Yarn.Magnitude = h.Float("rope.scaling.attn_factor", 1) * (1 + 0.1*float32(math.Log(float64(r.Factor))))
	default:
		h.fail(fmt.Errorf("%s = %.32q: the scalings are none, linear and yarn", h.key("rope.scaling.type"), kind))
	}
	return r
}

// frequencies is the angle per position of each pair; factors may be nil.
func (r *Rope) frequencies(factors []float32) []float64 {
	freq := make([]float64, r.Dims/2)
	scale := 1.0
	if r.Factor > 0 {
		scale = 1 / float64(r.Factor)
	}
	for i := range freq {
		f := math.Pow(float64(r.Base), -2*float64(i)/float64(r.Dims))
		if factors != nil {
			f /= float64(factors[i])
		}
		keep := 0.0
		if r.Yarn != nil {
			keep = r.Yarn.keep(i, r)
		}
		freq[i] = f * (scale*(1-keep) + keep)
	}
	return freq
}

// keep is how far pair i is left unscaled, from 1 for the fastest to 0.
func (y *Yarn) keep(i int, r *Rope) float64 {
	pair := func(turns float32) float64 { // the pair that turns so often over the original context
		return float64(r.Dims) * math.Log(float64(y.Original)/(float64(turns)*2*math.Pi)) / (2 * math.Log(float64(r.Base)))
	}
	low := math.Max(0, math.Floor(pair(y.BetaFast)))
	high := math.Min(float64(r.Dims-1), math.Ceil(pair(y.BetaSlow)))
	return 1 - math.Min(1, math.Max(0, (float64(i)-low)/math.Max(0.001, high-low)))
}

// turns is a RoPE bound to a model: the cosines and sines of a batch are computed once and shared by all its layers.
type turns struct {
	kind      Pairing
	dims      int
	freq      []float64 // [dims/2]
	magnitude float32   // of cosines and sines
	index     int       // of its table in a pass
}

// table fills cos and sin, [len(pos)][dims/2].
func (t *turns) table(cos, sin []float32, pos []int32, magnitude float32) {
	for j, p := range pos {
		for i, f := range t.freq {
			s, c := math.Sincos(float64(p) * f)
			cos[j*len(t.freq)+i], sin[j*len(t.freq)+i] = float32(c)*magnitude, float32(s)*magnitude
		}
	}
}

// apply turns one head.
func (t *turns) apply(x, cos, sin []float32) {
	if t.kind == Adjacent {
		cpu.RopeAdjacent(x, cos, sin)
	} else {
		cpu.RopeHalves(x, cos, sin)
	}
}
