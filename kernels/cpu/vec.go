package cpu

// Vec is the operations on vectors of f32 under one instruction set: what a model does between its
// matrices. The length is that of the first slice, of cos for RopeAdjacent; the others are at least
// as long. Slices are equal or do not overlap.
//
// Every instruction set gives the same bits, except which NaN: each operation rounds once, nothing
// is fused, and sums run in eight lanes, value i in lane i%8, that are folded in one order. What
// becomes of a value does not depend on where it stands.
type Vec struct {
	ISA string

	// Max is the largest of x, -Inf for none, NaN if there is one, +0 for zeros of either sign.
	Max func(x []float32) float32

	// ExpSum is x = exp(x*scale - shift), 0 for -Inf, and the sum of the results. The exponents are
	// at most 88; softmax gives at most 0. See Exp for the error.
	ExpSum func(x []float32, scale, shift float32) float32

	// SiLUMul is gate = gate / (1 + exp(-gate)) * up, with an error below 5 ulp for gates above
	// -87; below -88 the exponent stays there.
	SiLUMul func(gate, up []float32)

	// GELUMul is gate = gelu(gate) * up in the tanh form: gelu(x) = x/2 (1 + tanh u) = x / (1 +
	// exp(-2u)) with u = sqrt(2/pi) (x + 0.044715 x^3).
	GELUMul func(gate, up []float32)

	// SoftCap is x = c tanh(x/c), with an error below 4e-7 c.
	SoftCap func(x []float32, c float32)

	Add      func(y, x []float32)               // y += x
	Scale    func(y []float32, s float32)       // y *= s
	ScaleMul func(y, x, w []float32, s float32) // y = x * s * w
	Blend    func(y, x []float32, a, b float32) // y = y*a + x*b

	// SumSquares is the sum of x*x in f64.
	SumSquares func(x []float32) float64

	// RopeAdjacent turns the pairs (x[2i], x[2i+1]) by the angles whose cosines and sines are
	// given; RopeHalves turns the pairs (lo[i], hi[i]).
	RopeAdjacent func(x, cos, sin []float32)
	RopeHalves   func(lo, hi, cos, sin []float32)
}

// VecGeneric is portable Go.
var VecGeneric = Vec{
	ISA: "generic",
	Max: vecMaxGeneric, ExpSum: vecExpSumGeneric, SiLUMul: vecSiLUMulGeneric, GELUMul: vecGELUMulGeneric, SoftCap: vecSoftCapGeneric,
	Add: vecAddGeneric, Scale: vecScaleGeneric, ScaleMul: vecScaleMulGeneric, Blend: vecBlendGeneric, SumSquares: vecSumSquaresGeneric,
	RopeAdjacent: vecRopeAdjacentGeneric, RopeHalves: vecRopeHalvesGeneric,
}

// Vecs returns the implementations that this CPU can run, best first. Each is complete.
func Vecs() []*Vec {
	var list []*Vec
	for k := range isas {
		if s := &isas[k]; s.vec.Max != nil && s.Missing() == "" {
			list = append(list, &s.vec)
		}
	}
	return append(list, &VecGeneric)
}
