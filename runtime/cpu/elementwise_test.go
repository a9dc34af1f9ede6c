package cpu

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

var vec = NewVec(kernels.Default())

func TestExp(t *testing.T) {
	worst := 0.0
	for i := range 2_000_000 {
		x := -87.33 + float32(i)*(88.72+87.33)/2_000_000
		want := math.Exp(float64(x))
		ulp := float64(math.Nextafter32(float32(want), float32(math.Inf(1))) - float32(want))
		worst = max(worst, math.Abs(float64(Exp(x))-want)/ulp)
	}
	if worst > 2 {
		t.Errorf("error of %.2f ulp", worst)
	}
	inf := float32(math.Inf(1))
	for _, c := range []struct{ x, want float32 }{{0, 1}, {-inf, 0}, {-100, 0}, {inf, inf}, {100, inf}} {
		if got := Exp(c.x); got != c.want {
			t.Errorf("Exp(%v) = %v, want %v", c.x, got, c.want)
		}
	}
	if got := Exp(float32(math.NaN())); got == got {
		t.Errorf("Exp(NaN) = %v", got)
	}
}

func TestExpSum(t *testing.T) {
	inf := float32(math.Inf(-1))
	x := []float32{1, -3, inf, 2, 0, -200, 1.5}
	sum := 0.0
	want := make([]float64, len(x))
	for i, v := range x {
		want[i] = math.Exp(.5*float64(v) - 1)
		sum += want[i]
	}
	if got := ExpSum(x, .5, 1); math.Abs(float64(got)-sum) > 1e-6 {
		t.Errorf("sum %v, want %v", got, sum)
	}
	for i := range x {
		if math.Abs(float64(x[i])-want[i]) > 1e-7 {
			t.Errorf("term %d: %v, want %v", i, x[i], want[i])
		}
	}
	if x[2] != 0 {
		t.Errorf("a hidden score has weight %v", x[2])
	}
	if got := Max([]float32{inf, 1, 2, 9, 3, 4, inf}); got != 9 {
		t.Errorf("Max = %v", got)
	}
}

func TestActivationFunctions(t *testing.T) {
	for x := -12.0; x <= 12; x += 0.01 {
		v := []float32{float32(x), float32(x), float32(x)}
		up := []float32{2, 2}
		vec.SiLUMul(v[0:1], up)
		vec.GELUMul(v[1:2], up)
		vec.SoftCap(v[2:3], 5)
		g := x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		for i, want := range []float64{2 * x / (1 + math.Exp(-x)), 2 * g, 5 * math.Tanh(x/5)} {
			if math.Abs(float64(v[i])-want) > 2e-6*math.Max(1, math.Abs(want)) {
				t.Fatalf("function %d at %v: got %v, want %v", i, x, v[i], want)
			}
		}
	}
}

func TestSwiGLUClamped(t *testing.T) {
	for g := -20.0; g <= 20; g += .7 {
		for u := -10.0; u <= 10; u += .9 {
			gate, up := []float32{float32(g)}, []float32{float32(u), 99}
			vec.SwiGLUClamped(gate, up)
			low := math.Min(g, 7)
			want := low / (1 + math.Exp(-1.702*low)) * (math.Max(-7, math.Min(u, 7)) + 1)
			if math.Abs(float64(gate[0])-want) > 3e-6*math.Max(1, math.Abs(want)) || up[1] != 99 {
				t.Fatalf("gate %v, up %v: got %v, want %v", g, u, gate[0], want)
			}
		}
	}
}

func TestNorms(t *testing.T) {
	x, w, b := []float32{1, -2, 3, -4, 5}, []float32{1, 2, 1, 1, .5}, []float32{0, 1, 0, 0, 0}
	y := make([]float32, 5)
	vec.RMSNorm(y, x, w, 1e-5)
	for i := range x {
		if want := float64(x[i]) / math.Sqrt(11+1e-5) * float64(w[i]); math.Abs(float64(y[i])-want) > 1e-6 {
			t.Errorf("rms %d: got %v, want %v", i, y[i], want)
		}
	}
	copy(y, x)
	vec.RMSNorm(y, y, nil, 1e-5)
	if want := 5 / math.Sqrt(11+1e-5); math.Abs(float64(y[4])-want) > 1e-6 {
		t.Errorf("rms without weights: got %v, want %v", y[4], want)
	}
	vec.LayerNorm(y, x, w, b, 1e-5)
	for i := range x {
		if want := (float64(x[i])-.6)/math.Sqrt(10.64+1e-5)*float64(w[i]) + float64(b[i]); math.Abs(float64(y[i])-want) > 1e-6 {
			t.Errorf("layer %d: got %v, want %v", i, y[i], want)
		}
	}
}

func TestRopeTurnsPairs(t *testing.T) {
	cos, sin := []float32{0, -1}, []float32{1, 0} // quarter and half turn
	a, h := []float32{1, 2, 3, 4, 9}, []float32{1, 2, 3, 4, 9}
	vec.RopeAdjacent(a, cos, sin)
	vec.RopeHalves(h, cos, sin)
	for i, want := range []float32{-2, 1, -3, -4, 9} {
		if a[i] != want {
			t.Errorf("adjacent: got %v", a)
		}
	}
	for i, want := range []float32{-3, -2, 1, -4, 9} {
		if h[i] != want {
			t.Errorf("halves: got %v", h)
		}
	}
}
