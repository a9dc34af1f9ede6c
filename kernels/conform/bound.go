package conform

import (
	"fmt"
	"math"
)

// near returns a Wrong for a result that is farther from want than the kernels promise: 4 ulp of
// the sum of magnitudes, times the root of the number of terms.
func near(got float32, want, magnitude float64, terms int) error {
	return within(got, want, 4*0x1p-23*magnitude*math.Sqrt(float64(terms)))
}

// within compares with a bound. Where the sum leaves f32, or where it is no number, so is what the
// kernel gives.
func within(got float32, want, bound float64) error {
	expected := func() string { return fmt.Sprintf("%g within %.3g", want, bound) }
	switch {
	case want != want:
		if got != got {
			return nil
		}
		expected = func() string { return "NaN" }
	case math.IsInf(want, 0):
		if float64(got) == want {
			return nil
		}
		expected = func() string { return fmt.Sprint(want) }
	case math.Abs(want)+bound > math.MaxFloat32 && math.IsInf(float64(got), int(math.Copysign(1, want))):
		return nil
	case math.Abs(float64(got)-want) <= bound+1e-38:
		return nil
	}
	return &Wrong{Place: "value", Expected: expected(), Got: exactly(got)}
}

func magnitudes(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(math.Abs(float64(v)))
	}
	return y
}

// Largest is the largest magnitude.
func Largest(x []float32) (most float32) {
	for _, v := range x {
		most = max(most, float32(math.Abs(float64(v))))
	}
	return most
}

// norm is the Euclidean length.
func norm(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}
