package codebook_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/gen/codebook"
)

// TestExtremumPair has two values, where all is known in closed form: by power half of the mass is
// at 1, the density is proportional to 1/(1+u*u)^2, and the mean square of the extremum is 1+2/pi.
func TestExtremumPair(t *testing.T) {
	s := codebook.Extremum(2)
	power := 1 + 2/math.Pi
	if math.Abs(s.Variance*power-1) > 1e-12 {
		t.Errorf("mean square %.15f, want %.15f", s.Variance, 1/power)
	}
	// Of u in -1..t: the mass and the first moment.
	mass := func(t float64) float64 { return (t/(1+t*t) + math.Atan(t) + .5 + math.Pi/4) / math.Pi / power }
	first := func(t float64) float64 { return (.5 - 1/(1+t*t)) / math.Pi / power }
	means := func(t float64) (below, above float64) {
		return first(t) / mass(t), (.5 - first(t)) / (1 - mass(t))
	}
	low, high := -.999, .999
	for range 60 {
		threshold := (low + high) / 2
		if below, above := means(threshold); (below+above)/2 > threshold {
			low = threshold
		} else {
			high = threshold
		}
	}
	below, above := means(low)
	levels, err := codebook.LloydMax(2, s)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(levels[0]-below) > 1e-10 || math.Abs(levels[1]-above) > 1e-10 {
		t.Errorf("levels %.12f, want %.12f and %.12f", levels, below, above)
	}
	want := 1 - power*(mass(low)*below*below+(1-mass(low))*above*above)
	if got := codebook.AtScale(levels, s, 1); math.Abs(got-want) > 1e-10 {
		t.Errorf("error %.12f, want %.12f", got, want)
	}
}

// TestExtremumBlocks encodes normal blocks as the source has it. What each level stands for has it
// as its mean, weighted by power, to .002 (five standard deviations of the worst), and the error is
// that of the solver to 1 %. The scale that fits the codes best takes off more.
func TestExtremumBlocks(t *testing.T) {
	const blocks = 1 << 20
	for _, c := range []struct{ n, levels int }{{32, 8}, {64, 16}, {128, 32}, {8, 4}} {
		s := codebook.Extremum(c.n)
		levels, err := codebook.LloydMax(c.levels, s)
		if err != nil {
			t.Error(err)
			continue
		}
		r := rand.New(rand.NewPCG(1, uint64(c.n)))
		mass, first := make([]float64, c.levels), make([]float64, c.levels)
		var power, errors, fitted float64
		x := make([]float64, c.n)
		for range blocks / c.n {
			m, own, dot, square := 0.0, 0.0, 0.0, 0.0
			for i := range x {
				if x[i] = r.NormFloat64(); math.Abs(x[i]) > math.Abs(m) {
					m = x[i]
				}
			}
			for _, v := range x {
				k := 0
				for k+1 < c.levels && v/m > (levels[k]+levels[k+1])/2 {
					k++
				}
				mass[k] += m * m
				first[k] += m * v
				own += v * v
				errors += (v - m*levels[k]) * (v - m*levels[k])
				dot += v * levels[k]
				square += levels[k] * levels[k]
			}
			power += own
			fitted += own - dot*dot/square
		}
		for k, want := range levels {
			if got := first[k] / mass[k]; math.Abs(got-want) > .002 {
				t.Errorf("%s, %d levels: %.5f, and the mean of its cell is %.5f", s.Name, c.levels, want, got)
			}
		}
		if got, want := errors/power, codebook.AtScale(levels, s, 1); math.Abs(got/want-1) > .01 || fitted >= errors {
			t.Errorf("%s, %d levels: error %.6f, of fitted scales %.6f, by the solver %.6f", s.Name, c.levels, got, fitted/power, want)
		}
	}
}

// TestExtremumRange solves at the ends of what is allowed, and in integers.
func TestExtremumRange(t *testing.T) {
	for _, n := range []int{2, 3, 8, 16, 1024, math.MaxInt16} {
		s := codebook.Extremum(n)
		last := 1.0
		for _, count := range []int{2, 3, 16, 64, 256} {
			levels, err := codebook.LloydMax(count, s)
			if err != nil {
				t.Error(err)
				continue
			}
			mse := codebook.AtScale(levels, s, 1)
			_, scale := codebook.Distortion(levels, s)
			if !(mse < last && mse > 0) || math.Abs(scale-1) > 1e-6 || levels[0] < -1 || levels[count-1] > 1 {
				t.Errorf("%s, %d levels: error %g after %g, best scale %g, from %g to %g", s.Name, count, mse, last, scale, levels[0], levels[count-1])
			}
			last = mse
			if count != 16 {
				continue
			}
			whole, scale, err := codebook.Int8(levels, s)
			if err != nil {
				t.Error(err)
				continue
			}
			for i, v := range whole {
				if v != math.Trunc(v) || math.Abs(v) > 127 || i > 0 && !(v > whole[i-1]) {
					t.Errorf("%s: level %v of %v", s.Name, v, whole)
				}
			}
			if over := codebook.AtScale(whole, s, 1/scale)/mse - 1; over < 0 || over > .003 {
				t.Errorf("%s: integers cost %.5f of the error", s.Name, over)
			}
		}
	}
}
