package lab

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestCoverage draws chunks of a known mean: close to 95 of 100 intervals must hold it, for few
// chunks too.
func TestCoverage(t *testing.T) {
	b, r := &bootstrap{}, rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{6, 16} {
		const trials = 400
		held := 0
		for range trials {
			x := make([]float64, n)
			for i := range x {
				x[i] = r.NormFloat64()
			}
			if e := b.interval(x); e.Low <= 0 && 0 <= e.High {
				held++
			}
		}
		if share := float64(held) / trials; share < .91 || share > .985 {
			t.Errorf("%d chunks: %.1f %% of the intervals hold the mean", n, 100*share)
		}
	}
}

// TestInterval has the ends: one chunk, equal chunks, and equal data twice.
func TestInterval(t *testing.T) {
	b := &bootstrap{}
	if e := b.interval([]float64{3}); e != (Estimate{3, 3, 3}) {
		t.Errorf("%+v", e)
	}
	if e := b.interval([]float64{.1, .1, .1}); e != (Estimate{.1, .1, .1}) {
		t.Errorf("%+v", e)
	}
	x := []float64{1, 5, 2, 8, 3, 1, 2}
	if e, again := b.interval(x), (&bootstrap{}).interval(x); e != again || !(e.Low < e.Mean && e.Mean < e.High) {
		t.Errorf("%+v, then %+v", e, again)
	}
}

// TestBeats holds a verdict to its rule: the interval excludes 0, and there are chunks enough.
func TestBeats(t *testing.T) {
	for _, c := range []struct {
		name  string
		less  []float64 // KLD of y - KLD of x
		beats bool
	}{
		{"always less", []float64{1, 2, 1, 3, 2, 1}, true},
		{"always less, in too few chunks", []float64{1, 2, 1, 3, 2}, false},
		{"one chunk decides", []float64{-1, -1, 20, -1, -1, -1, -1}, false},
		{"equal", []float64{0, 0, 0, 0, 0, 0}, false},
	} {
		x := CellResult{Name: "x", PerChunk: make([]float64, len(c.less))}
		y := CellResult{Name: "y", PerChunk: c.less}
		for i := range c.less {
			x.Chunk, y.Chunk = append(x.Chunk, i), append(y.Chunk, i)
		}
		x.PPL, y.PPL = 9, 8
		got, ok := compare(&bootstrap{}, &x, &y)
		if !ok || got.Beats != c.beats || got.A != "x" || got.PPLDenies != c.beats {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// TestStudent has the table that statisticians print, and what is known in closed form for one and
// two degrees of freedom.
func TestStudent(t *testing.T) {
	for _, c := range []struct {
		p       float64
		freedom int
		want    float64
	}{
		{.95, 1, math.Tan(.95 * math.Pi / 2)},
		{.95, 2, math.Sqrt(2 * .95 * .95 / (1 - .95*.95))},
		{.99, 1, 63.656741162872},
		{.95, 3, 3.182446305284},
		{.95, 4, 2.776445105198},
		{.99, 5, 4.032142983557},
		{.95, 10, 2.228138851965},
		{.90, 29, 1.699127026534},
		{.95, 30, 2.042272456301},
		{.95, 100000, 1.959987708},
	} {
		if got := student(c.p, c.freedom); math.Abs(got-c.want) > 1e-9*c.want {
			t.Errorf("%v of %d degrees of freedom: %.12f, want %.12f", c.p, c.freedom, got, c.want)
		}
	}
}
