package hf

import "math"

// rope is the rotary encoding of a model.
type rope struct {
	base     float64
	kind     string  // rope.scaling.type, "" for none
	factor   float64 // of kind
	original int64   // positions before scaling, of yarn
	factors  []float32
}

// readRope reads rope_theta and rope_scaling, or rope_parameters, which newer files have for both.
func readRope(c *config) (r rope) {
	s := c.object.inner("rope_scaling")
	if c.has("rope_parameters") {
		s = c.object.inner("rope_parameters")
	}
	defer func() {
		if s.err != nil {
			c.fail("%w", s.err)
		}
	}()
	r.base = s.real("rope_theta", c.real("rope_theta", 10000))
	switch kind := read(s, "rope_type", read(s, "type", "default")); kind {
	case "default":
		s.only("rope_theta", "rope_type", "type")
	case "linear":
		s.only("rope_theta", "rope_type", "type", "factor")
		r.kind, r.factor = kind, s.real("factor", 0)
	case "yarn":
		s.only("rope_theta", "rope_type", "type", "factor", "original_max_position_embeddings")
		r.kind, r.factor, r.original = kind, s.real("factor", 0), s.size("original_max_position_embeddings", c.span)
	case "llama3":
		s.only("rope_theta", "rope_type", "type", "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
		if c.arch != "llama" {
			c.fail("rope_type llama3 is not supported with %s", c.class)
			break
		}
		r.factors = llama3(c.dim, r.base, s.real("factor", 0), s.real("low_freq_factor", 0), s.real("high_freq_factor", 0),
			float64(s.size("original_max_position_embeddings", 0)))
	default:
		s.fail("rope_type %.40q is not supported, only default, linear, yarn and llama3", kind)
	}
	return r
}

// llama3 is what Llama 3.1 divides the frequencies by: those of fewer than low turns over the
// positions of the training by factor, those of more than high by 1, with a ramp between.
func llama3(dim int64, base, factor, low, high, positions float64) []float32 {
	f := make([]float32, dim/2)
	for i := range f {
		frequency := math.Pow(base, -2*float64(i)/float64(dim))
		turns := positions * frequency / (2 * math.Pi)
		switch {
		case turns < low:
			f[i] = float32(factor)
		case turns > high:
			f[i] = 1
		default:
			part := (turns - low) / (high - low)
			f[i] = float32(1 / ((1-part)/factor + part))
		}
	}
	return f
}
