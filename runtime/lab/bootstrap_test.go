package lab

import (
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
