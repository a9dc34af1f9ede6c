package model

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/runtime/program"
)

// Rope is a rotary position encoding: at position p the pair i rotates by p * frequency[i].
type Rope struct {
	Kind      program.Pairing
	Dims      int     // values of a head that rotate, from the first
	Base      float32 // frequency[i] = Base^(-2i/Dims)
	Factor    float32 // linear scaling: positions are divided by it; 0 or 1 for none
	Yarn      *Yarn   // nil for none
	Magnitude float32 // factor of cosines and sines, beside YaRN's; 0 means 1
	// of a RoPE over several axes: how many pairs rotate by each; nil where all rotate by the
	// position
	Sections []int
	Original int // positions the model was trained for before it was scaled to more

	// Divisors of the frequencies: optional tensors of Dims/2 values. Short and Long take the place
	// of Factors where the file has them: Short for contexts of up to Original positions, Long for
	// larger ones. The size of the context decides and not the position, since keys of both kinds
	// cannot be compared.
	Factors, Short, Long Linear
}

// Yarn is the scaling of arXiv:2309.00071: slow pairs are scaled by Factor, fast ones are left,
// with a ramp between.
type Yarn struct {
	BetaFast, BetaSlow float32 // turns over Original positions where the ramp begins and ends
	// of the logarithm that the magnitude is divided by; 0 for a division by 1
	Multiplier float32
	Whole      bool // the ramp begins and ends at whole pairs, rounded outwards
}

// truncateKey is not in any published file: it is called after truncate of the original
// configurations, whose default is true. A file may say by it what the family does not do by
// itself.
const truncateKey = "rope.scaling.yarn_truncate"

// Rope reads the RoPE of the file.
func (h *Header) Rope(kind program.Pairing) *Rope {
	dim := h.head("attention.key_length")
	r := &Rope{Kind: kind, Dims: h.Int("rope.dimension_count", dim), Base: h.Float("rope.freq_base", 10000)}
	if r.Dims > dim || r.Dims%2 != 0 {
		h.fail(fmt.Errorf("%s = %d: it must be even and at most the head size %d", h.key("rope.dimension_count"), r.Dims, dim))
	}
	r.Original = h.OptionalInt("rope.scaling.original_context_length", h.Context)
	r.Magnitude = h.OptionalFloat("rope.scaling.attn_factor", 1)
	r.Factor = h.OptionalFloat("rope.scale_linear", 1) // the key of old files
	r.Factor = h.OptionalFloat("rope.scaling.factor", r.Factor)
	switch kind := h.Str("rope.scaling.type"); kind {
	case "", "linear":
	case "none":
		r.Factor = 1
	case "longrope":
		r.Short, r.Long = "rope_factors_short", "rope_factors_long"
	case "yarn":
		r.Yarn = &Yarn{
			BetaFast: h.OptionalFloat("rope.scaling.yarn_beta_fast", 32),
			BetaSlow: h.OptionalFloat("rope.scaling.yarn_beta_slow", 1),

			Multiplier: h.OptionalFloat("rope.scaling.yarn_log_multiplier", 0),
			Whole:      h.Flag(truncateKey, true),
		}
	default:
		h.fail(fmt.Errorf("%s = %.32q: the scalings are none, linear, yarn and longrope", h.key("rope.scaling.type"), kind))
	}
	return r
}

// based is r with another base.
func (r *Rope) based(base float32) *Rope {
	if base == r.Base {
		return r
	}
	c := *r
	c.Base = base
	return &c
}

// unscaled is r with another base and without its scaling, for layers that see a sliding window.
func (r *Rope) unscaled(base float32) *Rope {
	return &Rope{Kind: r.Kind, Dims: r.Dims, Base: base, Magnitude: r.Magnitude}
}

// magnitude is the factor of cosines and sines. YaRN's part of it keeps the entropy of the scores.
func (r *Rope) magnitude() float32 {
	m := r.Magnitude
	if m == 0 {
		m = 1
	}
	if y := r.Yarn; y != nil {
		log := 0.1 * float32(math.Log(math.Max(1, float64(r.Factor))))
		m *= (1 + log) / (1 + y.Multiplier*log)
	}
	return m
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
		if !r.rotates(i) {
			freq[i] = 0
		}
	}
	return freq
}

// rotates says whether pair i rotates by the position of a text. The axes of an image (time,
// height, width) take the pairs in turns, as many as they have; the rest belong to an axis on which
// text does not move.
func (r *Rope) rotates(i int) bool {
	all := 0
	for _, n := range r.Sections {
		all += n
	}
	if all == 0 || len(r.Sections) < 3 {
		return true
	}
	i %= all
	return i < 3*r.Sections[i%3]
}

// keep is how far pair i is left unscaled, from 1 for the fastest to 0.
func (y *Yarn) keep(i int, r *Rope) float64 {
	pair := func(turns float32) float64 { // the pair that turns so often over the original context
		return float64(r.Dims) * math.Log(float64(r.Original)/(float64(turns)*2*math.Pi)) / (2 * math.Log(float64(r.Base)))
	}
	low, high := pair(y.BetaFast), pair(y.BetaSlow)
	if y.Whole {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = math.Max(0, low), math.Min(float64(r.Dims-1), high)
	return 1 - math.Min(1, math.Max(0, (float64(i)-low)/math.Max(0.001, high-low)))
}
