package cpu

import (
	"math"

	"github.com/kvgen/kvgen/kernels"
)

// Add is y += x.
func Add(y, x []float32) { kernels.BestVec().Add(y, x) }

// Mul is y = x * w.
func Mul(y, x, w []float32) { kernels.BestVec().ScaleMul(y, x, w, 1) }

// Scale is y *= s.
func Scale(y []float32, s float32) { kernels.BestVec().Scale(y, s) }

// Blend is y = y*a + x*b.
func Blend(y, x []float32, a, b float32) { kernels.BestVec().Blend(y, x, a, b) }

// SiLUMul is gate = gate * sigmoid(gate) * up.
func SiLUMul(gate, up []float32) { kernels.BestVec().SiLUMul(gate, up) }

// GELUMul is gate = gelu(gate) * up with the tanh form of GELU.
func GELUMul(gate, up []float32) { kernels.BestVec().GELUMul(gate, up) }

// SigmoidMul is y *= sigmoid(x).
func SigmoidMul(y, x []float32) {
	for i, v := range x[:len(y)] {
		y[i] /= 1 + Exp(-v)
	}
}

// SwiGLUClamped is gate = g * sigmoid(1.702 g) * (u + 1) with g = min(gate, 7) and u = up within +-7, the gate of gpt-oss.
// up is changed.
func SwiGLUClamped(gate, up []float32) {
	const limit, alpha = 7, 1.702
	for i, u := range up[:len(gate)] {
		gate[i] = min(gate[i], limit) * alpha
		up[i] = (max(-limit, min(u, limit)) + 1) * (1 / alpha)
	}
	SiLUMul(gate, up)
}

// SoftCap is x = c tanh(x/c).
func SoftCap(x []float32, c float32) { kernels.BestVec().SoftCap(x, c) }

// Exp is e to the x, within 2 ulp for results that are normal numbers. Below -87.68 it is 0, above 88.72 +Inf.
func Exp(x float32) float32 { return kernels.Exp(x) }

// ExpSum replaces each x by exp(scale*x - shift), 0 for -Inf, and returns the sum of the results. No scale*x is above shift.
func ExpSum(x []float32, scale, shift float32) float32 {
	return kernels.BestVec().ExpSum(x, scale, shift)
}

// Max is the largest of x, -Inf for none, NaN if there is one.
func Max(x []float32) float32 { return kernels.BestVec().Max(x) }

// SumSquares is the sum of x*x, added in f64.
func SumSquares(x []float32) float64 { return kernels.BestVec().SumSquares(x) }

// RMSNorm is y = x / sqrt(mean(x^2) + eps) * w, w nil for all ones. y may be x.
func RMSNorm(y, x, w []float32, eps float32) {
	v := kernels.BestVec()
	y = y[:len(x)]
	scale := float32(1 / math.Sqrt(v.SumSquares(x)/float64(len(x))+float64(eps)))
	if w == nil {
		copy(y, x)
		v.Scale(y, scale)
		return
	}
	v.ScaleMul(y, x, w, scale)
}

// LayerNorm is y = (x - mean) / sqrt(variance + eps) * w + b, b nil for none. y may be x.
func LayerNorm(y, x, w, b []float32, eps float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	var sq float64
	for _, v := range x {
		d := float64(v) - mean
		sq += d * d
	}
	scale := float32(1 / math.Sqrt(sq/float64(len(x))+float64(eps)))
	for i, v := range x {
		y[i] = (v - float32(mean)) * scale * w[i]
	}
	if b != nil {
		Add(y[:len(x)], b)
	}
}
