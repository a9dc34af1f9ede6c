package ref

import "math"

// trunc converts to an integer towards zero. NaN and values outside int32 give 0: on x86 such a
// conversion leaves 0x80000000, whose low byte is what the formats keep.
func trunc(x float32) int {
	if !(x > -2147483648 && x < 2147483648) {
		return 0
	}
	return int(x)
}

// inverse returns 1/d, and 0 for d = 0.
func inverse(d float32) float32 {
	if d == 0 {
		return 0
	}
	return 1 / d
}

// sqrt is the correctly rounded float32 square root.
func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// abs clears the sign.
func abs(x float32) float32 { return float32(math.Abs(float64(x))) }

// extremum returns the signed value of the first element with the largest magnitude, and 0 if there
// is none above 0.
func extremum(x []float32) float32 {
	var most, at float32
	for _, v := range x {
		if abs(v) > most {
			most, at = abs(v), v
		}
	}
	return at
}

// bounds returns the smallest and the largest element. It starts from the largest finite values as
// ggml does, so a block of nothing but NaN has its bounds the wrong way round.
func bounds(x []float32) (lo, hi float32) {
	lo, hi = math.MaxFloat32, -math.MaxFloat32
	for _, v := range x {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	return lo, hi
}

// index returns how many ascending thresholds v passes: the position of the first t with v < t. A
// tie goes up and a NaN to the last code.
func index(v float32, thresholds []float32) int {
	for i, t := range thresholds {
		if v < t {
			return i
		}
	}
	return len(thresholds)
}
