package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/kvgen/kvgen/gen/codebook"
	"github.com/kvgen/kvgen/gen/spec"
)

// tolerance is how far above the least possible error a codebook may be before it is flagged.
const tolerance = 0.02

// verdict compares a codebook with the best one of as many levels. Errors are relative to the
// power.
type verdict struct {
	Levels int `json:"levels"`
	// the distribution that it fits best of those that the type may see
	Source string  `json:"source"`
	MSE    float64 `json:"mse"` // as the type uses it
	// with all levels multiplied by the factor that is best
	Rescale float64 `json:"mse_rescaled"`
	Optimum float64 `json:"optimum"`         // of the Lloyd-Max codebook
	Excess  float64 `json:"excess"`          // MSE/Optimum - 1
	Flagged bool    `json:"flagged"`         // the excess is above tolerance
	Shape   string  `json:"shape,omitempty"` // what a flagged table turns out to be
}

// judge returns nil for a type without a codebook, and for one whose codebook is no table of levels
// of the value. A type is held to the source that is kindest to it. What it stores is close to
// Gaussian, a coordinate of a unit vector, or, when nothing is rotated, perhaps heavy-tailed. When
// the encoder divides by the extremum, it is what that leaves of normal values.
//
// When the encoder brings every block to one size or one extremum before it looks up levels, that
// counts. Otherwise, as with a type that is only read or a scale that follows the largest
// magnitude, the levels are given the scale that suits them best.
func judge(t *spec.Type) (*verdict, error) {
	if t.Codebook == nil {
		return nil, nil
	}
	role := roleOf(t)
	if role == scales || role == parts {
		return nil, nil
	}
	var best *verdict
	for _, u := range readings(t, role) {
		optimum, err := lloydMax(len(u.levels), u.source)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		v := &verdict{Levels: len(u.levels), Source: u.source.Name, Optimum: optimum}
		v.Rescale, _ = codebook.Distortion(u.levels, u.source)
		v.MSE = v.Rescale
		if u.scale > 0 {
			v.MSE = codebook.AtScale(u.levels, u.source, u.scale)
		}
		if v.Excess = v.MSE/optimum - 1; best == nil || v.Excess < best.Excess {
			best = v
		}
	}
	// Six digits: what is left out may depend on the machine.
	best.MSE, best.Rescale, best.Optimum = round6(best.MSE), round6(best.Rescale), round6(best.Optimum)
	best.Excess = math.Round(best.Excess*1e6) / 1e6
	if best.Flagged = best.Excess > tolerance; best.Flagged {
		best.Shape = shape(valueLevels(t, role))
	}
	return best, nil
}

// round6 keeps six significant digits.
func round6(v float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64) // reads what it wrote
	return r
}

// remarks say what else there is to know about a flagged table.
func (v *verdict) remarks() []string {
	var list []string
	if v.Shape != "" {
		list = append(list, fmt.Sprintf("It is %s.", v.Shape))
	}
	if v.Flagged && v.Rescale < 0.9*v.MSE {
		list = append(list, fmt.Sprintf("Used at the scale that suits it best, it would reach %.3g.", v.Rescale))
	}
	return list
}

// reading is a distribution that the values under a codebook may have, and the codebook in its
// terms.
type reading struct {
	source codebook.Source
	levels []float64 // ascending
	scale  float64   // that the encoder gives levels, in units of source; 0 for one that varies
}

// readings are those of a type. Rotated values are close to normal, so a type that divides them by
// their extremum has one.
func readings(t *spec.Type, role role) (list []reading) {
	levels := valueLevels(t, role)
	if n, at := lookupExtremum(t); n > 0 && role != magnitudes {
		own := slices.Clone(levels)
		if at < 0 {
			slices.Reverse(own)
			for i := range own {
				own[i] = -own[i]
			}
		}
		list = append(list, reading{codebook.Extremum(n), own, 1 / math.Abs(at)})
		if t.Domain != nil {
			return list
		}
	}
	size := lookupSize(t)
	for _, s := range sources(t) {
		u := reading{source: s, levels: levels}
		if size > 0 {
			u.scale = math.Sqrt(s.Variance) / size
		}
		list = append(list, u)
	}
	return list
}

// sources are the distributions that the values under a type's codebook may have when no extremum
// is divided by.
func sources(t *spec.Type) []codebook.Source {
	n := t.Block
	if t.Domain != nil {
		n = t.Domain.Size
	}
	list := []codebook.Source{codebook.Gaussian(), codebook.Sphere(max(8, n))}
	if t.Domain == nil {
		list = append(list, codebook.Laplace())
	}
	return list
}

// sortedLevels are the distinct levels, ascending.
func sortedLevels(b *spec.Codebook) []float64 {
	levels := make([]float64, len(b.Levels))
	for i, v := range b.Levels {
		levels[i] = float64(v) + 0 // -0 and 0 are one level
	}
	slices.Sort(levels)
	return slices.Compact(levels)
}

// lloydMax is the least error that n levels can have on s, relative to its power.
func lloydMax(n int, s codebook.Source) (float64, error) {
	if n == 1 {
		return 1, nil
	}
	levels, err := codebook.LloydMax(n, s)
	if err != nil {
		return 0, err
	}
	mse, _ := codebook.Distortion(levels, s)
	return mse, nil
}

// shape recognises tables that were made by another rule than least error, whatever their unit.
// Both rules cut the normal distribution into equally likely cells, which gives the tails far too
// few levels.
func shape(levels []float64) string {
	n := float64(len(levels))
	means, medians := make([]float64, len(levels)), make([]float64, len(levels))
	for i := range levels {
		lo, hi := quantile(float64(i)/n), quantile(float64(i+1)/n)
		means[i] = n * (density(lo) - density(hi))
		medians[i] = quantile((float64(i) + 0.5) / n)
	}
	switch {
	case proportional(levels, means):
		return fmt.Sprintf("the equal-probability table: the means of %d equally likely cells of a normal distribution", len(levels))
	case proportional(levels, medians):
		return fmt.Sprintf("the equal-probability table: the medians of %d equally likely cells of a normal distribution", len(levels))
	case proportional(levels, ramp(len(levels))):
		return "evenly spaced"
	}
	return ""
}

// ramp is n evenly spaced levels, symmetric about 0.
func ramp(n int) []float64 {
	levels := make([]float64, n)
	for i := range levels {
		levels[i] = float64(2*i+1-n) / 2
	}
	return levels
}

// proportional says whether a is a multiple of b, to half a percent of the largest entry.
func proportional(a, b []float64) bool {
	var ab, bb, peak float64
	for i := range a {
		ab += a[i] * b[i]
		bb += b[i] * b[i]
		peak = max(peak, math.Abs(a[i]))
	}
	for i := range a {
		if math.Abs(a[i]-ab/bb*b[i]) > 0.005*peak {
			return false
		}
	}
	return true
}

// quantile is the inverse of the normal distribution function.
func quantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// density is that of the normal distribution; 0 at infinity.
func density(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

// cumulative is the normal distribution function.
func cumulative(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
