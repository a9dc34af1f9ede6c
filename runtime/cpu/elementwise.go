package cpu

import (
	"math"

	"github.com/kvgen/kvgen/kernels"
)

// Vec is the operations on vectors that a table uses: those of kernels.Vec and what is made of
// them.
type Vec struct{ *kernels.Vec }

// NewVec is the operations of a table.
func NewVec(t *kernels.Table) Vec { return Vec{t.Vec()} }

// Mul is y = x * w.
func (v Vec) Mul(y, x, w []float32) { v.ScaleMul(y, x, w, 1) }

// SigmoidMul is y *= sigmoid(x).
func (v Vec) SigmoidMul(y, x []float32) {
	for i, x := range x[:len(y)] {
		y[i] /= 1 + Exp(-x)
	}
}

// SwiGLUClamped is gate = g * sigmoid(1.702 g) * (u + 1) with g = min(gate, 7) and u = up within
// +-7, the gate of gpt-oss. up is changed.
func (v Vec) SwiGLUClamped(gate, up []float32) {
	const limit, alpha = 7, 1.702
	for i, u := range up[:len(gate)] {
		gate[i] = min(gate[i], limit) * alpha
		up[i] = (max(-limit, min(u, limit)) + 1) * (1 / alpha)
	}
	v.SiLUMul(gate, up)
}

// Exp is e to the x, within 2 ulp for results that are normal numbers. Below -87.68 it is 0, above
// 88.72 +Inf.
func Exp(x float32) float32 { return kernels.Exp(x) }

// best is the operations of the best instruction set that the CPU has. All sets give the same bits.
var best = kernels.Default().Vec()

// ExpSum replaces each x by exp(scale*x - shift), 0 for -Inf, and returns the sum of the results.
// No scale*x is above shift.
func ExpSum(x []float32, scale, shift float32) float32 { return best.ExpSum(x, scale, shift) }

// Max is the largest of x, -Inf for none, NaN if there is one.
func Max(x []float32) float32 { return best.Max(x) }

// SumSquares is the sum of x*x, added in f64.
func SumSquares(x []float32) float64 { return best.SumSquares(x) }

// RMSNorm is y = x / sqrt(mean(x^2) + eps) * w, w nil for all ones. y may be x.
func (v Vec) RMSNorm(y, x, w []float32, eps float32) {
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
func (v Vec) LayerNorm(y, x, w, b []float32, eps float32) {
	var sum float64
	for _, x := range x {
		sum += float64(x)
	}
	mean := sum / float64(len(x))
	var sq float64
	for _, x := range x {
		d := float64(x) - mean
		sq += d * d
	}
	scale := float32(1 / math.Sqrt(sq/float64(len(x))+float64(eps)))
	for i, x := range x {
		y[i] = (x - float32(mean)) * scale * w[i]
	}
	if b != nil {
		v.Add(y[:len(x)], b)
	}
}
