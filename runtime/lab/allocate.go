package lab

import (
	"cmp"
	"slices"
)

// An option is one way of storing one side of one layer.
type option struct {
	choice int     // among the candidates of the side
	bits   float64 // storage
	loss   float64 // what it adds to the KLD, nats per token
}

// allocate picks an option for every item so that the bits stay within the budget and the losses
// add up to little. From the smallest options on it takes the step that saves the most loss for a
// bit, until no step fits any more. Steps go along the lower convex hull of each item, which makes
// the pick the best one but for what is left of the budget at the end. ok is false where even the
// smallest options do not fit.
func allocate(items [][]option, budget float64) (picks []int, ok bool) {
	hulls := make([][]int, len(items))
	at := make([]int, len(items)) // on the hull
	used := 0.0
	for i, options := range items {
		if len(options) == 0 {
			return nil, false
		}
		hulls[i] = hull(options)
		used += options[hulls[i][0]].bits
	}
	if used > budget {
		return nil, false
	}
	for {
		best, slope := -1, 0.0
		for i, h := range hulls {
			if at[i]+1 == len(h) {
				continue
			}
			from, to := items[i][h[at[i]]], items[i][h[at[i]+1]]
			if s := (from.loss - to.loss) / (to.bits - from.bits); s > slope && used+to.bits-from.bits <= budget {
				best, slope = i, s
			}
		}
		if best < 0 {
			break
		}
		h := hulls[best]
		used += items[best][h[at[best]+1]].bits - items[best][h[at[best]]].bits
		at[best]++
	}
	for i, h := range hulls {
		picks = append(picks, h[at[i]])
	}
	return picks, true
}

// hull is the options on the lower convex hull of loss over bits, by rising bits, from the smallest
// on to the one of least loss.
func hull(options []option) (h []int) {
	order := make([]int, len(options))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(options[a].bits, options[b].bits), cmp.Compare(options[a].loss, options[b].loss))
	})
	// above reports whether b lies on or above the line from a to c.
	above := func(a, b, c option) bool {
		return (b.loss-a.loss)*(c.bits-a.bits) >= (c.loss-a.loss)*(b.bits-a.bits)
	}
	for _, i := range order {
		if n := len(h); n > 0 && options[i].loss >= options[h[n-1]].loss {
			continue
		}
		for n := len(h); n > 1 && above(options[h[n-2]], options[h[n-1]], options[i]); n = len(h) {
			h = h[:n-1]
		}
		h = append(h, i)
	}
	return h
}
