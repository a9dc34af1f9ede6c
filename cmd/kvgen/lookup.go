package main

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/spec"
)

// lookupSize is the root mean square of what the encoder looks up, in the unit of the levels, if it
// is the same for every block of normal values; else 0.
func lookupSize(t *spec.Type) float64 {
	const blocks = 16
	seen := interp.Nearest(t, draw(blocks*t.Block, (*rand.Rand).NormFloat64))
	if seen == nil {
		return 0
	}
	var least, most float64
	for k := range blocks {
		sum := 0.0
		for _, v := range seen[k*t.Block : (k+1)*t.Block] {
			sum += float64(v) * float64(v)
		}
		size := math.Sqrt(sum / float64(t.Block))
		if k == 0 {
			least = size
		}
		least, most = min(least, size), max(most, size)
	}
	if most > 1.01*least {
		return 0
	}
	return most
}

// lookupExtremum is the length of the runs of a block whose extremum, the value of largest
// magnitude, the encoder brings to one value before it looks up levels, and that value, in the unit
// of the levels; 0 if there are none.
func lookupExtremum(t *spec.Type) (n int, at float64) {
	const blocks, shortest = 16, 8
	seen := interp.Nearest(t, draw(blocks*t.Block, (*rand.Rand).NormFloat64))
	if len(seen) != blocks*t.Block {
		return 0, 0
	}
	for n := shortest; n <= t.Block; n++ {
		if t.Block%n != 0 {
			continue
		}
		first, same := extremum(seen[:n]), true
		for k := n; k < len(seen) && same; k += n {
			same = math.Abs(extremum(seen[k:k+n])-first) <= 1e-3*math.Abs(first)
		}
		if same && first != 0 {
			return n, first
		}
	}
	return 0, 0
}

// extremum is the value of x whose magnitude is largest.
func extremum(x []float32) float64 {
	most := float32(0)
	for _, v := range x {
		if max(v, -v) > max(most, -most) {
			most = v
		}
	}
	return float64(most)
}

// shares counts how often each of the codebook's levels, which ascend, is nearest to what is looked
// up of normal values.
func shares(t *spec.Type) []float64 {
	seen := interp.Nearest(t, draw(1<<16/t.Block*t.Block, (*rand.Rand).NormFloat64))
	count := make([]float64, len(t.Codebook.Levels))
	for _, v := range seen {
		c, _ := slices.BinarySearch(t.Codebook.Thresholds, v)
		count[c] += 1 / float64(len(seen))
	}
	return count
}
