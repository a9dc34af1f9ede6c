package engine

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// leastSum keeps a sum of vanishing probabilities from dividing by zero: the smallest normal f16,
// as in llama.cpp.
const leastSum = 6.103515625e-5

// routing says which tokens of a batch each expert computes. A slot is one token at one expert. The
// slots of an expert stand together, from a row where activations may be cut, so that its matrices
// are read once for all its tokens.
type routing struct {
	p *pass
	e *program.ExpertsStep

	logits  []float32 // [n][Count], then probabilities
	chosen  []int32   // [n][Used]
	weights []float32 // [n][Used]

	segments []expertSlots // of the experts that are used, by number
	rows     int           // of all slots and the gaps between segments
	token    []int32       // [rows]
	weight   []float32     // [rows]
	next     []int         // [Count] tokens of an expert, then the row of its next slot
}

// expertSlots is the slots of one expert.
type expertSlots struct {
	expert int
	first  int // row of the first, a multiple of cpu.ActStep
	m      int
}

// Do chooses the experts of each token and weighs them.
func (r *routing) Do(w, workers int) {
	lo, hi := cpu.Split(r.p.n, 1, w, workers)
	count, used := r.e.Count, r.e.Used
	for j := lo; j < hi; j++ {
		l, chosen, weights := r.logits[j*count:][:count], r.chosen[j*used:][:used], r.weights[j*used:][:used]
		top := r.p.vec.Max(l)
		if r.e.Gating == program.SoftmaxAll {
			r.p.vec.Scale(l, 1/r.p.vec.ExpSum(l, 1, top))
		}
		for k := range chosen {
			best := -1
			for i, v := range l {
				if v > float32(math.Inf(-1)) && (best < 0 || v > l[best]) {
					best = i
				}
			}
			if best < 0 { // nothing but NaN is left, which the weight passes on
				best = (int(chosen[max(0, k-1)]) + min(k, 1)) % count
			}
			chosen[k], weights[k] = int32(best), l[best]
			l[best] = float32(math.Inf(-1))
		}
		if r.e.Gating == program.SoftmaxChosen {
			// top is the first chosen, or a NaN that none of them need be
			r.p.vec.Scale(weights, 1/r.p.vec.ExpSum(weights, 1, top))
			continue
		}
		var sum float32
		for _, v := range weights {
			sum += v
		}
		r.p.vec.Scale(weights, 1/max(sum, leastSum))
	}
}

// group lays out the slots. Those of an expert are in the order of the tokens.
func (r *routing) group() {
	r.next = grow(r.next, r.e.Count)
	clear(r.next)
	for _, e := range r.chosen {
		r.next[e]++
	}
	r.segments, r.rows = r.segments[:0], 0
	for e, m := range r.next {
		if m > 0 {
			r.segments = append(r.segments, expertSlots{expert: e, first: r.rows, m: m})
			r.next[e] = r.rows
			r.rows += (m + cpu.ActStep - 1) / cpu.ActStep * cpu.ActStep
		}
	}
	r.token, r.weight = grow(r.token, r.rows), grow(r.weight, r.rows)
	for i, e := range r.chosen {
		at := r.next[e]
		r.next[e]++
		r.token[at], r.weight[at] = int32(i/r.e.Used), r.weights[i]
	}
}
