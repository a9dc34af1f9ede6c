package ref

import "math"

// Input is a named row of test values.
type Input struct {
	Name   string
	Values []float32
}

// Inputs returns the rows of 1024 values that the published hashes of encoded blocks are about, in
// the order of testdata/golden.txt.
func Inputs() []Input {
	const n = 1024
	return []Input{
		{"lcg", LCG(n, 1, 4)},
		{"heavy", Heavy(n)},
		{"const", Every(n, 1, 0, 1, 1)},
		{"e0", Every(n, 128, 0, 1, 0)},
		{"zero", make([]float32, n)},
		{"big", Big(n)},
		{"nan", Every(n, 128, 3, float32(math.NaN()), 1)},
		{"inf", Every(n, 128, 3, float32(math.Inf(1)), 1)},
	}
}

// LCG returns n values spread evenly over [-scale, scale), from a 64-bit linear congruential
// generator.
func LCG(n int, seed uint64, scale float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		seed = seed*6364136223846793005 + 1442695040888963407
		x[i] = float32((float64(seed>>40)/(1<<24)*2 - 1) * float64(scale))
	}
	return x
}

// Heavy returns n values with a heavy tail: cubes, every 37th of them 50 times as large.
func Heavy(n int) []float32 {
	x := LCG(n, 7, 2)
	for i, v := range x {
		w := float64(v)
		w = w * w * w
		if i%37 == 5 {
			w *= 50
		}
		x[i] = float32(w)
	}
	return x
}

// Big returns n values -30000, 0, 30000 in turn, whose blocks have norms beyond the largest half.
func Big(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 3e4 * float32(i%3-1)
	}
	return x
}

// Every returns n values: special where i%period == at, and other elsewhere.
func Every(n, period, at int, special, other float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = other
		if i%period == at {
			x[i] = special
		}
	}
	return x
}
