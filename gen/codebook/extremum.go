package codebook

import (
	"fmt"
	"math"
)

// Extremum is one value of a block of n >= 2 normal ones, or of a random point of the sphere, over
// the block's extremum: that one of its values, with its sign, whose magnitude M is largest. So all
// lies in -1..1 and one value of n is exactly 1.
//
// The scale multiplies errors back, so a block counts by the square of its M, and errors relative
// to Variance are relative to the block's power. This makes normal values and the sphere one
// source: ratios of a normal vector's values do not depend on its length, which therefore is one
// factor of every weight.
//
// Given M, the n-1 other values are normal ones cut off at ±M; so the density of u, by F and f of
// |N(0,1)|, is
//
//	(n-1) * integral of f(M) * F(M)^(n-2) * M^3 * phi(u*M) over M > 0
//
// and 1 has the mass E(M^2)/n. It is not what follows when the scale is fitted to the codes, but
// for the same codes that can only be better.
func Extremum(n int) Source {
	const end, panels = 12, 48 // of M
	var at, weight []float64
	atom := 0.0
	for k := range panels {
		for j, x := range points {
			m := (float64(k) + x) * end / panels
			phi := math.Exp(-m*m/2) / math.Sqrt(2*math.Pi)
			w := weights[j] * end / panels * 2 * phi * m * m * math.Pow(math.Erf(m/math.Sqrt2), float64(n-2))
			atom += w * math.Erf(m/math.Sqrt2)
			if w > 1e-40 {
				at, weight = append(at, m*m/2), append(weight, w*float64(n-1)*m/math.Sqrt(2*math.Pi))
			}
		}
	}
	return newSource(fmt.Sprintf("extremum(%d)", n), .25, 1, atom, tabulate(16, func(u float64) float64 {
		sum := 0.0
		for k, w := range weight {
			sum += w * math.Exp(-u*u*at[k])
		}
		return sum
	}))
}

// tabulate returns what f is on 0..1 within rounding error, for an f that is smooth on each of n
// panels and slow: in each the polynomial through the values at points, by the barycentric formula.
func tabulate(n int, f func(float64) float64) func(float64) float64 {
	order := make([]float64, len(points)) // 1 over the product of the distances to the other points
	for j, x := range points {
		order[j] = 1
		for k, y := range points {
			if k != j {
				order[j] /= x - y
			}
		}
	}
	values := make([]float64, n*len(points))
	for k := range values {
		values[k] = f((float64(k/len(points)) + points[k%len(points)]) / float64(n))
	}
	return func(u float64) float64 {
		panel := min(int(u*float64(n)), n-1)
		x, own := u*float64(n)-float64(panel), values[panel*len(points):]
		above, below := 0.0, 0.0
		for j, at := range points {
			if x == at {
				return own[j]
			}
			w := order[j] / (x - at)
			above += w * own[j]
			below += w
		}
		return above / below
	}
}
