package engine

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// activateGated is gate = act(gate) * up.
func activateGated(v cpu.Vec, act program.Activation, gate, up []float32) {
	switch act {
	case program.GELU:
		v.GELUMul(gate, up)
	case program.SwiGLUClamped:
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

// activate is x = act(x), of an activation that is a factor of the up branch.
func activate(v cpu.Vec, act program.Activation, x []float32) {
	if act == program.SquaredReLU {
		for i, y := range x {
			y = max(0, y)
			x[i] = y * y
		}
		return
	}
	for len(x) > 0 {
		n := min(len(x), len(ones))
		activateGated(v, act, x[:n], ones[:n])
		x = x[n:]
	}
}

// scaleQuery scales a query, of all heads, at position p.
func scaleQuery(v cpu.Vec, t *program.Temperature, q []float32, p int32) {
	if t.Ahead {
		p++
	}
	if spans := int(p) / t.Every; t.Scale != 0 && spans > 0 {
		v.Scale(q, 1+t.Scale*float32(math.Log(float64(1+spans))))
	}
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
