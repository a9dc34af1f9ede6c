package codebook

import (
	"errors"
	"math"
	"slices"
)

// Distortion returns the mean squared error of quantising s with levels times the best scale,
// relative to the variance of s, and that scale. A value goes to its nearest level. Levels ascend,
// are in any unit and not all 0.
func Distortion(levels []float64, s Source) (mse, scale float64) {
	return refine(levels, s, firstScale(levels, s))
}

// firstScale makes the levels' spread fit s before refine looks for the best scale nearby. Where s
// has a mass at its end, the last level near it is a minimum that the grid may step over.
func firstScale(levels []float64, s Source) float64 {
	last := levels[len(levels)-1]
	peak := max(math.Abs(levels[0]), math.Abs(last))
	best, at := math.Inf(1), 0.0
	try := func(a float64) {
		if d := AtScale(levels, s, a); d < best {
			best, at = d, a
		}
	}
	for k := 1.0; k <= 48; k++ {
		try(k / 8 * math.Sqrt(s.Variance) / peak)
	}
	if s.atom > 0 && last > 0 {
		try(s.end / last)
	}
	return at
}

// refine looks for the best scale near a. Since thresholds are midpoints, the error's derivative by
// the scale is that for fixed cells, 2*slope(a); its root is found by secants, the first step being
// the best scale for the cells of a.
func refine(levels []float64, s Source, a float64) (mse, scale float64) {
	slope := func(a float64) (slope, power float64) {
		for i, m := range s.cells(levels, a) {
			slope -= m[1] * levels[i]
			power += m[0] * levels[i] * levels[i]
		}
		return slope + a*power, power
	}
	at, power := slope(a)
	b := a - at/power
	for range 8 {
		next, _ := slope(b)
		if next == at || math.Abs(b-a) < 1e-8*a {
			break
		}
		c := b - next*(b-a)/(next-at)
		if !(c > a/2 && c < a*2) {
			break
		}
		a, b, at = b, c, next
	}
	return AtScale(levels, s, b), b
}

// AtScale returns the mean squared error of quantising s with a*levels, relative to the variance of
// s.
func AtScale(levels []float64, s Source, a float64) float64 {
	sum := 0.0
	for i, m := range s.cells(levels, a) {
		v := a * levels[i]
		sum += m[2] - 2*v*m[1] + v*v*m[0]
	}
	return sum / s.Variance
}

// RateBound is the least mean squared error, relative to the variance, that any code of b bits per
// value reaches on a Gaussian source (Shannon): 4^-b.
func RateBound(b float64) float64 { return math.Pow(4, -b) }

// Int8 rounds a codebook of s to integers of -127..127 with the least error for s at the best
// scale. It returns the integer levels, ascending, and how many of their units make one unit of s.
// The levels of a symmetric source stay so.
func Int8(levels []float64, s Source) (whole []float64, scale float64, err error) {
	best := math.Inf(1)
	try := func(candidate []float64, a float64) {
		if !distinct(candidate) {
			return
		}
		if d, at := refine(candidate, s, a); d < best*(1-1e-12) {
			best, whole, scale = d, candidate, 1/at
		}
	}
	peak := max(-levels[0], levels[len(levels)-1])
	// Peaks below 64 waste a bit and never won.
	for k := 127 * 4; k >= 64*4; k-- {
		factor := float64(k) / 4 / peak
		candidate := rounded(levels, factor)
		if distinct(candidate) && AtScale(candidate, s, 1/factor) < best*1.001 {
			try(candidate, 1/factor)
		}
	}
	if whole == nil {
		return nil, 0, errInt8
	}
	moved := len(whole)
	if s.atom == 0 {
		moved /= 2
	}
	for again := true; again; { // move one level, or a pair, by one unit while that helps
		before := best
		for i := range moved {
			for _, by := range []float64{-1, 1} {
				candidate := slices.Clone(whole)
				candidate[i] += by
				if s.atom == 0 {
					candidate[len(candidate)-1-i] -= by
				}
				if max(-candidate[0], candidate[len(candidate)-1]) <= 127 {
					try(candidate, 1/scale)
				}
			}
		}
		again = best < before
	}
	return whole, scale, nil
}

func rounded(levels []float64, factor float64) []float64 {
	out := make([]float64, len(levels))
	for i, v := range levels {
		out[i] = math.Round(v * factor)
	}
	return out
}

func distinct(levels []float64) bool {
	for i := 1; i < len(levels); i++ {
		if !(levels[i] > levels[i-1]) {
			return false
		}
	}
	return true
}

var errInt8 = errors.New("too many levels to stay distinct as integers of -127..127")
