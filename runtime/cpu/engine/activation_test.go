package engine

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// TestTemperature scales queries around the position where a period begins, which is one earlier
// where the position counts from one.
func TestTemperature(t *testing.T) {
	vec := cpu.NewVec(kernels.Default())
	for _, c := range []struct {
		ahead    bool
		position int32
		want     float64
	}{
		{false, 0, 1}, {false, 8191, 1}, {false, 8192, 1 + .1*math.Log(2)}, {false, 16384, 1 + .1*math.Log(3)},
		{true, 0, 1}, {true, 8190, 1}, {true, 8191, 1 + .1*math.Log(2)}, {true, 16383, 1 + .1*math.Log(3)},
	} {
		q := []float32{2, -4}
		scaleQuery(vec, &program.Temperature{Scale: .1, Every: 8192, Ahead: c.ahead}, q, c.position)
		if math.Abs(float64(q[0])-2*c.want) > 1e-6 || math.Abs(float64(q[1])+4*c.want) > 1e-6 {
			t.Errorf("%+v: %v", c, q)
		}
	}
}

// TestXIELU holds the activation to its definition in float64, on both sides of 0.
func TestXIELU(t *testing.T) {
	x := []float32{-3, -1, -1e-7, 0, 1e-3, .5, 4}
	got := append([]float32{}, x...)
	task := &xieluTask{XIELU: &program.XIELU{P: .8, N: 1.3, Beta: .5, Eps: -1e-6}, p: &pass{n: 1}, x: got, n: len(got)}
	task.Do(0, 1)
	for i, v := range x {
		v := float64(v)
		want := .8*v*v + .5*v
		if v <= 0 {
			want = (math.Expm1(math.Min(v, -1e-6))-v)*1.3 + .5*v
		}
		if math.Abs(float64(got[i])-want) > 1e-6 {
			t.Errorf("xIELU(%g) = %g, want %g", v, got[i], want)
		}
	}
}
