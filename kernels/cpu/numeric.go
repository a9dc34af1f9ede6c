package cpu

import (
	"cmp"
	"math"
)

// The built-in functions of the spec language, for one lane.

// abs clears the sign, of a NaN too.
func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// sqrt is the correctly rounded square root.
func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// inv is 1/x, and 0 for x = 0.
func inv(x float32) float32 {
	if x != 0 {
		return 1 / x
	}
	return 0
}

func floor(x float32) float32 { return float32(math.Floor(float64(x))) }

// trunc rounds toward zero. NaN and what an int32 cannot hold give -2^31, here and below.
func trunc(x float32) int32 {
	if x >= -0x1p31 && x < 0x1p31 {
		return int32(x)
	}
	return math.MinInt32
}

// rint rounds to nearest, ties to even.
func rint(x float32) int32 { return trunc(float32(math.RoundToEven(float64(x)))) }

// round rounds to nearest, ties away from zero.
func round(x float32) int32 { return trunc(float32(math.Round(float64(x)))) }

// lesser is a < b ? a : b, so that a NaN in a gives b.
func lesser[T cmp.Ordered](a, b T) T {
	if a < b {
		return a
	}
	return b
}

// greater is a > b ? a : b, so that a NaN in a gives b.
func greater[T cmp.Ordered](a, b T) T {
	if a > b {
		return a
	}
	return b
}

// clamp keeps x within lo and hi; a NaN gives lo.
func clamp[T cmp.Ordered](x, lo, hi T) T { return lesser(greater(x, lo), hi) }

// choose is cond ? a : b.
func choose[T any](cond bool, a, b T) T {
	if cond {
		return a
	}
	return b
}

// nearest counts the thresholds t with !(v < t). They ascend; a tie goes up and a NaN to the top.
func nearest(thresholds []float32, v float32) int32 {
	lo, hi := 0, len(thresholds)
	for lo < hi {
		if mid := (lo + hi) / 2; v < thresholds[mid] {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return int32(lo)
}

// farther is the step of extremum: v if it is farther from 0 than the extreme so far.
func farther(v, extreme float32) float32 {
	if abs(v) > abs(extreme) {
		return v
	}
	return extreme
}

func absInt(x int32) int32 { return max(x, -x) }

// quotient is a/b toward zero, and 0 for b = 0.
func quotient(a, b int32) int32 {
	if b == 0 {
		return 0
	}
	return a / b
}

// remainder has the sign of a, and is 0 for b = 0.
func remainder(a, b int32) int32 {
	if b == 0 {
		return 0
	}
	return a % b
}
