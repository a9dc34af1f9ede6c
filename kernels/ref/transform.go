package ref

import "math"

// Transform is y = right * H/sqrt(n) * left * x on every Size values, H the Sylvester-Hadamard
// matrix in natural order and left and right diagonals of signs.
type Transform struct {
	Size  int       // n, a power of two
	Left  []float32 // n signs, or nil for all +1
	Right []float32 // n signs, or nil for all +1
}

// TransformTurbo is the rotation of the turbo types: 128 values, signs on both sides.
func TransformTurbo() Transform {
	return Transform{Size: 128, Left: SignsPCG64(42, 0, 128), Right: SignsPCG64(42, 128, 128)}
}

// TransformTQ is the rotation of the tq weight types: 32 values, signs on the left.
func TransformTQ() Transform { return Transform{Size: 32, Left: SignsGolden(32)} }

// Forward applies the transform in place; len(x) is a multiple of Size.
func (t Transform) Forward(x []float32) { t.apply(x, t.Left, t.Right) }

// Inverse undoes Forward in place: H/sqrt(n) is its own inverse, so only the diagonals change
// places.
func (t Transform) Inverse(x []float32) { t.apply(x, t.Right, t.Left) }

func (t Transform) apply(x, before, after []float32) {
	norm := float32(1 / math.Sqrt(float64(t.Size)))
	for ; len(x) > 0; x = x[t.Size:] {
		for j := range before {
			x[j] *= before[j]
		}
		hadamard(x[:t.Size])
		for j := range t.Size {
			x[j] *= norm
			if after != nil {
				x[j] *= after[j] // exact, so the order of the two products does not matter
			}
		}
	}
}

// hadamard multiplies by H in place. The order of the stages is part of every format that uses it,
// since float32 sums do not commute: strides h = 1, 2, 4, ... n/2 ascending, and in each stage, for
// every pair h apart,
//
//	x[j], x[j+h] = x[j]+x[j+h], x[j]-x[j+h]     h = 1: (0,1) (2,3) ...; h = 2: (0,2) (1,3) ...
func hadamard(x []float32) {
	for h := 1; h < len(x); h *= 2 {
		for i := 0; i < len(x); i += 2 * h {
			for j := i; j < i+h; j++ {
				a, b := x[j], x[j+h]
				x[j], x[j+h] = a+b, a-b
			}
		}
	}
}
