package model

import (
	"fmt"
	"github.com/kvgen/kvgen/runtime/program"
)

// Share places the last n layers of the model on devices, the output counted as one layer after the
// others, and what comes before them on the processor. 0 is nothing on the devices, Layers+1 or
// more everything, the embedding too. Device i gets about shares[i] of them, in order; all get the
// same where there are no shares. Where a device cannot begin with a layer, because that reads the
// cache of one before, the cut between two devices moves to the nearest place, and one between the
// processor and a device is an error.
func (m *Model) Share(n int, devices []Device, shares []float64) ([]Placement, error) {
	all := m.Layers + 1
	if n = min(n, all); n <= 0 || len(devices) == 0 {
		return []Placement{{}}, nil
	}
	if shares != nil && len(shares) != len(devices) {
		return nil, fmt.Errorf("%d shares for %d devices", len(shares), len(devices))
	}
	start := all - n
	if err := m.program.Cut(start); start > 0 && err != nil {
		fewer, more := start, start
		for fewer < m.Layers && m.program.Cut(fewer) != nil {
			fewer++
		}
		for more > 0 && m.program.Cut(more) != nil {
			more--
		}
		return nil, fmt.Errorf("%w; the nearest numbers that work, the output counted as one, are %d and %d", err, all-fewer, all-more)
	}
	var list []Placement
	if start > 0 {
		list = []Placement{{Layers: start}}
	}
	sum, at, done := 0.0, start, 0.0
	for i := range devices {
		sum += share(shares, i)
	}
	if sum <= 0 {
		return nil, fmt.Errorf("shares of %v: one must be above 0", shares)
	}
	for i, d := range devices {
		done += share(shares, i)
		end := start
		for end < all && float64(end-start)/float64(n) < done/sum { // as llama.cpp rounds
			end++
		}
		if i == len(devices)-1 {
			end = all
		} else {
			end = m.nearestCut(end, at, all)
		}
		if end > at {
			list = append(list, Placement{Device: d, Layers: end - at})
			at = end
		}
	}
	return list, nil
}

// share is that of device number i.
func share(shares []float64, i int) float64 {
	if shares == nil {
		return 1
	}
	return shares[i]
}

// nearestCut is the layer from lo to hi, or hi, that is nearest to a layer and with which a device
// can begin.
func (m *Model) nearestCut(layer, lo, hi int) int {
	for d := 0; d <= hi-lo; d++ {
		for _, at := range []int{layer - d, layer + d} {
			if at >= lo && at <= hi && (at == lo || at == hi || m.program.Cut(at) == nil) {
				return at
			}
		}
	}
	return hi
}

// Placed is some of the layers of a model on a device, in words of it.
type Placed struct {
	Device Device // nil for the processor
	program.Span
}

// Placed is what a list of placements comes to.
func (m *Model) Placed(list []Placement) (all []Placed, err error) {
	stages, err := m.placed(list)
	for _, s := range stages {
		all = append(all, Placed{s.device, s.Span})
	}
	return all, err
}
