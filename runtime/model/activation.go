package model

import "github.com/kvgen/kvgen/runtime/cpu"

// Activation is the function of a feed-forward network.
type Activation int

// The activations.
const (
	SiLU Activation = iota
	GELU            // tanh form
	// min(g, 7) sigmoid(1.702 g) (clamp(u, +-7) + 1), where the up branch u counts
	SwiGLUClamped
)

// mul is gate = act(gate) * up.
func (a Activation) mul(v cpu.Vec, gate, up []float32) {
	switch a {
	case GELU:
		v.GELUMul(gate, up)
	case SwiGLUClamped:
		v.SwiGLUClamped(gate, up)
	default:
		v.SiLUMul(gate, up)
	}
}

// ones lets the gated kernels compute a function by itself, a piece at a time.
var ones = func() (v [256]float32) {
	for i := range v {
		v[i] = 1
	}
	return v
}()

// apply is x = act(x), of an activation that is a factor of the up branch.
func (a Activation) apply(v cpu.Vec, x []float32) {
	for len(x) > 0 {
		n := min(len(x), len(ones))
		a.mul(v, x[:n], ones[:n])
		x = x[n:]
	}
}
