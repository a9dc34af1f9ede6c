package codebook

import (
	"math"
	"testing"
)

// A rule of n points integrates every power below 2n exactly, and no higher one.
func TestLegendre(t *testing.T) {
	for _, n := range []int{1, 2, 5, 10} {
		points, weights := legendre(n)
		for power := range 2*n + 1 {
			sum := 0.0
			for i, x := range points {
				sum += weights[i] * math.Pow(x, float64(power))
			}
			exact := math.Abs(sum*float64(power+1)-1) < 1e-14
			if exact != (power < 2*n) {
				t.Errorf("%d points, x^%d over 0..1: %v, want 1/%d", n, power, sum, power+1)
			}
		}
	}
}
