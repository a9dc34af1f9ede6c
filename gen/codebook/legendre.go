package codebook

import "math"

// legendre returns points and weights of the Gauss-Legendre rule of n points on 0..1: the roots of
// the Legendre polynomial P_n, found by Newton's method from the usual estimate (Abramowitz and
// Stegun, 25.4.29 and 22.16.6).
func legendre(n int) (points, weights []float64) {
	points, weights = make([]float64, n), make([]float64, n)
	for i := range n {
		x := -math.Cos(math.Pi * (float64(i) + .75) / (float64(n) + .5))
		var slope float64
		for range 8 {
			var value float64
			value, slope = polynomial(n, x)
			x -= value / slope
		}
		points[i] = (1 + x) / 2
		weights[i] = 1 / ((1 - x*x) * slope * slope)
	}
	return points, weights
}

// polynomial is P_n(x) and its derivative, for n >= 1 and |x| < 1, by the recurrence over degrees.
func polynomial(n int, x float64) (value, slope float64) {
	before, value := 1.0, x
	for k := 2; k <= n; k++ {
		before, value = value, (float64(2*k-1)*x*value-float64(k-1)*before)/float64(k)
	}
	return value, float64(n) * (x*value - before) / (x*x - 1)
}
