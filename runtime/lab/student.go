package lab

import "math"

// student returns the t for which a share p of Student's distribution with whole degrees of freedom
// lies within -t..t, by halving the angle that t is the tangent of.
func student(p float64, freedom int) float64 {
	low, high := 0.0, math.Pi/2
	for range 60 {
		angle := (low + high) / 2
		if within(angle, freedom) < p {
			low = angle
		} else {
			high = angle
		}
	}
	return math.Tan(high) * math.Sqrt(float64(freedom))
}

// within is the share of Student's distribution within -t..t, of angle = atan(t/sqrt(freedom)): the
// finite sums of Abramowitz and Stegun, 26.7.3 and 26.7.4.
func within(angle float64, freedom int) float64 {
	sin, cos := math.Sincos(angle)
	first := 1 + freedom%2 // cos^0 of an even number of degrees, cos^1 of an odd one
	term, sum := 1.0, 0.0
	if first == 2 {
		term = cos
	}
	for k := first; k < freedom; k += 2 {
		sum += term
		term *= cos * cos * float64(k) / float64(k+1)
	}
	if first == 2 {
		return (angle + sin*sum) * 2 / math.Pi
	}
	return sin * sum
}
