// Package codebook computes the tables of levels that quantise a known
// distribution with the least mean squared error, to f64 convergence, and the
// error of any other table. Densities are symmetric about 0; one source adds a mass
// at its upper end.
package codebook

import (
	"fmt"
	"math"
)

// Source is a probability distribution, with the integrals that levels are computed from: a
// symmetric density and perhaps a mass at one point.
type Source struct {
	Name     string
	Variance float64                 // the mean square
	density  func(t float64) float64 // normalised together with atom, t >= 0
	atom     float64                 // mass at end, 0 for a source that is symmetric
	end      float64                 // what lies beyond ±end weighs less than 1e-30
	width    float64                 // of one panel of the table below
	beyond   []moments               // [k]: integrals over k*width..end
}

// moments are the integrals of f, t*f and t*t*f over an interval.
type moments [3]float64

// Gaussian is N(0,1).
func Gaussian() Source {
	return newSource("gaussian", 1, 12, 0, func(t float64) float64 { return math.Exp(-t * t / 2) })
}

// Laplace is the two-sided exponential of variance 1: a heavy tail for audits.
func Laplace() Source {
	return newSource("laplace", 1, 50, 0, func(t float64) float64 { return math.Exp(-math.Sqrt2 * t) })
}

// Sphere is one coordinate of a uniformly random point of the unit sphere in d >= 8 dimensions:
// density proportional to (1-t*t)^((d-3)/2), variance 1/d. It is what a rotated unit vector holds;
// for large d it is N(0,1/d).
func Sphere(d int) Source {
	k := float64(d-3) / 2
	end := min(1, 12/math.Sqrt(float64(d)))
	return newSource(fmt.Sprintf("sphere(%d)", d), 1/math.Sqrt(float64(d)), end, 0, func(t float64) float64 {
		return math.Exp(k * math.Log1p(-t*t))
	})
}

// points and weights are the 10-point Gauss-Legendre rule on 0..1.
var points, weights = legendre(10)

// newSource normalises f, with a mass at end, and tabulates the integrals of f on panels of a
// quarter of sd, on which f is smooth enough for the rule to reach rounding error.
func newSource(name string, sd, end, atom float64, f func(float64) float64) Source {
	s := Source{Name: name, density: f, end: end}
	n := int(math.Ceil(end / (sd / 4)))
	s.width = end / float64(n)
	s.beyond = make([]moments, n+1)
	for k := n - 1; k >= 0; k-- {
		s.beyond[k] = s.beyond[k+1].plus(s.panel(float64(k)*s.width, float64(k+1)*s.width), 1)
	}
	total := 2*s.beyond[0][0] + atom
	for k := range s.beyond {
		for j := range s.beyond[k] {
			s.beyond[k][j] /= total
		}
	}
	s.density = func(t float64) float64 { return f(t) / total }
	s.atom = atom / total
	s.Variance = 2*s.beyond[0][2] + s.atom*end*end
	return s
}

// plus returns m + factor*o.
func (m moments) plus(o moments, factor float64) moments {
	for j := range m {
		m[j] += factor * o[j]
	}
	return m
}

// panel integrates over a..b, which lie in one panel.
func (s *Source) panel(a, b float64) (m moments) {
	for j, x := range points {
		t := a + (b-a)*x
		w := (b - a) * weights[j] * s.density(t)
		m[0] += w
		m[1] += w * t
		m[2] += w * t * t
	}
	return m
}

// above integrates from t >= 0 to the end. Summing from the end keeps the tail's relative accuracy.
func (s *Source) above(t float64) moments {
	if !(t < s.end) {
		return moments{}
	}
	k := min(int(t/s.width), len(s.beyond)-2)
	return s.beyond[k+1].plus(s.panel(t, float64(k+1)*s.width), 1)
}

// mirror is the integral over -b..-a of what m is over a..b.
func (m moments) mirror() moments { return moments{m[0], -m[1], m[2]} }

// cells integrates over the cell of each level: up to the midpoints to its neighbours, scaled by a
// > 0.
func (s *Source) cells(levels []float64, a float64) []moments {
	n := len(levels)
	cells := make([]moments, n)
	isSymmetric := s.atom == 0
	for i := range levels {
		isSymmetric = isSymmetric && levels[i] == -levels[n-1-i]
	}
	first := 0
	if isSymmetric {
		first = n / 2
	}
	// low and high are the cell's thresholds, and what lies between each and the end of its own
	// side.
	low, lowTail := math.Inf(-1), moments{}
	if first > 0 {
		low = a * (levels[first-1] + levels[first]) / 2
		lowTail = s.above(math.Abs(low))
	}
	for i := first; i < n; i++ {
		high, highTail := math.Inf(1), moments{}
		if i+1 < n {
			high = a * (levels[i] + levels[i+1]) / 2
			highTail = s.above(math.Abs(high))
		}
		switch {
		case low >= 0:
			cells[i] = lowTail.plus(highTail, -1)
		case high <= 0:
			cells[i] = highTail.plus(lowTail, -1).mirror()
		default: // the cell holds 0
			half := s.beyond[0]
			cells[i] = half.plus(highTail, -1).plus(half.plus(lowTail, -1).mirror(), 1)
		}
		if s.atom > 0 && low < s.end && s.end <= high {
			cells[i] = cells[i].plus(moments{1, s.end, s.end * s.end}, s.atom)
		}
		low, lowTail = high, highTail
	}
	for i := range first {
		cells[i] = cells[n-1-i].mirror()
	}
	return cells
}
