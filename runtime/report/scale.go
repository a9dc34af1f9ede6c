package report

import (
	"math"
	"strconv"
)

// linear maps lo..hi to pixels a..b.
type linear struct{ lo, hi, a, b float64 }

func (s linear) at(v float64) float64 { return s.a + (v-s.lo)/(s.hi-s.lo)*(s.b-s.a) }

// ticks are about n round numbers from lo to hi.
func (s linear) ticks(n int) (all []float64) {
	step := math.Pow(10, math.Floor(math.Log10((s.hi-s.lo)/float64(n))))
	for _, k := range []float64{1, 2, 5, 10} {
		if (s.hi-s.lo)/(k*step) <= float64(n) {
			step *= k
			break
		}
	}
	for v := math.Ceil(s.lo/step) * step; v <= s.hi+step/1e6; v += step {
		all = append(all, v)
	}
	return all
}

// evenly writes round numbers with as many digits after the point as the one that needs most.
func evenly(all []float64) []string {
	digits := 0
	for _, v := range all {
		for digits < 6 && math.Abs(v-math.Round(v*math.Pow(10, float64(digits)))/math.Pow(10, float64(digits))) > 1e-9*max(1, math.Abs(v)) {
			digits++
		}
	}
	words := make([]string, len(all))
	for i, v := range all {
		words[i] = strconv.FormatFloat(v, 'f', digits, 64)
	}
	return words
}

// decades is a logarithmic scale of lo..hi, powers of ten, to pixels a..b. Zero, and what is below
// zero by chance, has a rung of its own below the lowest, at pixel zero, where the axis is broken.
type decades struct {
	lo, hi float64
	a, b   float64
	zero   float64
	rung   bool // some value is zero
}

// newDecades makes a scale for all values, with a margin; values of at most tiny count as zero. gap
// is the distance of the rung from the axis, towards b.
func newDecades(values []float64, a, b, gap float64) decades {
	s := decades{lo: math.Inf(1), hi: math.Inf(-1), a: a, b: b, zero: a}
	for _, v := range values {
		if v <= tiny || math.IsNaN(v) || math.IsInf(v, 0) {
			s.rung = true
			continue
		}
		s.lo, s.hi = min(s.lo, math.Log10(v)), max(s.hi, math.Log10(v))
	}
	if s.lo > s.hi {
		s.lo, s.hi = -3, -1
	}
	air := max(.15, .08*(s.hi-s.lo))
	s.lo, s.hi = s.lo-air, s.hi+air
	if math.Floor(s.hi) < math.Ceil(s.lo) { // one rung of the ladder at least
		s.lo = math.Floor(s.hi)
	}
	if s.rung {
		s.a += math.Copysign(gap, b-a)
	}
	return s
}

// ticks are the whole powers of ten.
func (s decades) ticks() (all []int) {
	for k := int(math.Ceil(s.lo)); k <= int(math.Floor(s.hi)); k++ {
		all = append(all, k)
	}
	return all
}

// rise is the pixel of 10^k.
func (s decades) rise(k float64) float64 {
	return s.a + min(1, max(0, (k-s.lo)/(s.hi-s.lo)))*(s.b-s.a)
}

// tiny is the KLD, nats, below which the last bits of f32 logits decide.
const tiny = 1e-9

func (s decades) at(v float64) float64 {
	switch {
	case v <= tiny || math.IsNaN(v):
		if s.rung {
			return s.zero
		}
		return s.a
	case math.IsInf(v, 1):
		return s.b
	}
	return s.rise(math.Log10(v))
}

// power is 10^k in words: .001, 1, 10.
func power(k int) string {
	if k < -4 || k > 4 {
		return "1e" + itoa(k)
	}
	return number(math.Pow(10, float64(k)))
}
