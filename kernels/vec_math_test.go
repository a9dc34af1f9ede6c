package kernels_test

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// span is n values from lo to hi.
func span(n int, lo, hi float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(lo + (hi-lo)*float64(i)/float64(n-1))
	}
	return x
}

func forEachVec(t *testing.T, f func(t *testing.T, v *kernels.Vec)) {
	for _, v := range kernels.Vecs() {
		t.Run(v.ISA, func(t *testing.T) { f(t, v) })
	}
}

// TestVecExp holds the terms of ExpSum, and Exp, to 2 ulp where results are normal numbers and to
// the last bit or two below.
func TestVecExp(t *testing.T) {
	forEachVec(t, func(t *testing.T, v *kernels.Vec) {
		x := span(300_001, -89, 88)
		y := append([]float32(nil), x...)
		v.ExpSum(y, 1, 0)
		worst := 0.0
		for i, e := range x {
			want := math.Exp(float64(e))
			switch {
			case e < -87.69:
				want = 0
				if y[i] != 0 {
					t.Fatalf("exp(%v) = %v, want 0", e, y[i])
				}
			case want < 0x1p-126:
				if math.Abs(float64(y[i])-want) > 0x1p-148 && y[i] != 0 {
					t.Fatalf("exp(%v) = %v, want %v", e, y[i], want)
				}
			default:
				ulp := math.Exp2(math.Floor(math.Log2(want)) - 23)
				worst = max(worst, math.Abs(float64(y[i])-want)/ulp)
			}
			if one := kernels.Exp(e); one != y[i] {
				t.Fatalf("Exp(%v) = %v, in a vector %v", e, one, y[i])
			}
		}
		if worst > 2 {
			t.Errorf("an error of %.2f ulp", worst)
		}
		x = span(1001, -10, 0)
		want := 0.0
		for _, e := range x {
			want += math.Exp(float64(e))
		}
		if got := v.ExpSum(x, 1, 0); math.Abs(float64(got)-want) > 1e-6*want {
			t.Errorf("sum %v, want %v", got, want)
		}
	})
}

// TestExpEnds is what lies beyond the range of vectors.
func TestExpEnds(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct{ x, want float32 }{{0, 1}, {-inf, 0}, {-100, 0}, {inf, inf}, {89, inf}, {88.722, float32(math.Exp(float64(float32(88.722))))}} {
		if got := kernels.Exp(c.x); math.Abs(float64(got-c.want)) > 2e-7*float64(c.want) && got != c.want {
			t.Errorf("Exp(%v) = %v, want %v", c.x, got, c.want)
		}
	}
	if got := kernels.Exp(float32(math.NaN())); got == got {
		t.Errorf("Exp(NaN) = %v", got)
	}
}

// TestVecSoftmax is ExpSum as attention uses it: hidden scores weigh nothing, a NaN reaches the
// sum.
func TestVecSoftmax(t *testing.T) {
	forEachVec(t, func(t *testing.T, v *kernels.Vec) {
		none := float32(math.Inf(-1))
		for n := 1; n < 40; n++ {
			x := make([]float32, n)
			for i := range x {
				x[i] = none
			}
			if got := v.Max(x); got != none {
				t.Fatalf("the largest of %d hidden scores is %v", n, got)
			}
			x[n-1] = 2
			top := v.Max(x)
			if sum := v.ExpSum(x, .25, top*.25); top != 2 || sum != 1 || x[n-1] != 1 || (n > 1 && x[0] != 0) {
				t.Fatalf("%d scores: largest %v, sum %v, terms %v", n, top, sum, x)
			}
			x[n/2] = float32(math.NaN())
			if got := v.Max(x); got == got {
				t.Fatalf("the largest of %d with a NaN is %v", n, got)
			}
			if got := v.ExpSum(x, 1, 0); got == got {
				t.Fatalf("the sum of %d with a NaN is %v", n, got)
			}
		}
	})
}

// TestVecFunctions compares with f64.
func TestVecFunctions(t *testing.T) {
	forEachVec(t, func(t *testing.T, v *kernels.Vec) {
		x := span(40_001, -80, 80)
		for _, f := range []struct {
			name string
			do   func(y []float32)
			want func(x float64) float64
			abs  float64 // of the error, for small results
		}{
			{"SiLUMul", func(y []float32) { v.SiLUMul(y, x) }, func(x float64) float64 { return x * x / (1 + math.Exp(-x)) }, 0},
			{"GELUMul", func(y []float32) { v.GELUMul(y, x) }, func(x float64) float64 {
				return x * x / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
			}, 1e-30},
			{"SoftCap", func(y []float32) { v.SoftCap(y, 5) }, func(x float64) float64 { return 5 * math.Tanh(x/5) }, 5 * 4e-7},
		} {
			y := append([]float32(nil), x...)
			f.do(y)
			for i, got := range y {
				in := float64(x[i])
				// The error of an exponent is relative to it, so that of the result grows with it.
				bound := f.abs + math.Abs(f.want(in))*(1e-6+math.Abs(in)*math.Abs(in)*math.Abs(in)*1e-7/2)
				if f.name == "SiLUMul" {
					bound = math.Abs(f.want(in)) * 8e-7
				}
				if math.Abs(float64(got)-f.want(in)) > bound {
					t.Fatalf("%s at %v: got %v, want %v", f.name, in, got, f.want(in))
				}
			}
		}
	})
}

func TestVecSumSquares(t *testing.T) {
	forEachVec(t, func(t *testing.T, v *kernels.Vec) {
		x := noise(4099, 8, 1e15) // the sum is no float32
		want := 0.0
		for _, e := range x {
			want += float64(e) * float64(e)
		}
		if got := v.SumSquares(x); math.Abs(got-want) > 1e-13*want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func BenchmarkVec(b *testing.B) {
	const n = 1024
	for _, op := range vecOps {
		for _, v := range kernels.Vecs() {
			b.Run(op.name+"/"+v.ISA, func(b *testing.B) {
				s := [][]float32{make([]float32, 2*n), make([]float32, n), make([]float32, n), make([]float32, n)}
				if !op.wide {
					s[0] = s[0][:n]
				}
				b.SetBytes(4 * n)
				for b.Loop() {
					op.do(v, s)
				}
			})
		}
	}
}
