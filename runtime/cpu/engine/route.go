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
	biased  []float32 // [n][Count + Groups] what the choice is by, if other; sums of groups
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
		l := r.logits[j*count:][:count]
		by, groups := l, []float32(nil)
		if r.biases() {
			by = r.biased[j*(count+r.e.Routing.Groups):][:count]
			groups = by[count:][:r.e.Routing.Groups]
		}
		r.route(l, by, groups, r.chosen[j*used:][:used], r.weights[j*used:][:used])
	}
}

// biases says whether experts are chosen by other numbers than their weights.
func (r *routing) biases() bool { return r.e.Routing.Bias != nil || r.e.Routing.Groups > 0 }

// route chooses the experts of one token from its logits l, which it changes, and weighs them. by
// and groups are room for what they are chosen by; by is l where that is the same.
func (r *routing) route(l, by, groups []float32, chosen []int32, weights []float32) {
	of, vec := &r.e.Routing, r.p.vec
	top := vec.Max(l)
	switch of.Gating {
	case program.SoftmaxAll:
		vec.Scale(l, 1/vec.ExpSum(l, 1, top))
	case program.Sigmoid:
		for i, v := range l {
			l[i] = 1 / (1 + cpu.Exp(-v))
		}
	}
	if r.biases() {
		copy(by, l)
		if of.Bias != nil {
			vec.Add(by, of.Bias)
		}
		keepGroups(by, groups, of.GroupsUsed)
	}
	for k := range chosen {
		best := largest(by)
		if best < 0 { // nothing but NaN is left, which the weight passes on
			best = (int(chosen[max(0, k-1)]) + min(k, 1)) % len(l)
		}
		chosen[k], weights[k] = int32(best), l[best]
		by[best] = float32(math.Inf(-1))
	}
	switch {
	case of.Gating == program.SoftmaxChosen:
		// top is the first chosen, or a NaN that none of them need be
		vec.Scale(weights, 1/vec.ExpSum(weights, 1, top))
	case !of.AsIs:
		var sum float32
		for _, v := range weights {
			sum += v
		}
		vec.Scale(weights, 1/max(sum, leastSum))
	}
	if of.Scale != 0 {
		vec.Scale(weights, of.Scale)
	}
}

// largest is the first of the largest numbers, -1 where there is none but NaN and -Inf.
func largest(x []float32) int {
	best := -1
	for i, v := range x {
		if v > float32(math.Inf(-1)) && (best < 0 || v > x[best]) {
			best = i
		}
	}
	return best
}

// keepGroups keeps the best of some groups of equal size, by the sums of their two largest numbers,
// and makes the others -Inf. score is room for the sums; there is nothing to do without groups.
func keepGroups(x, score []float32, used int) {
	if len(score) == 0 {
		return
	}
	size := len(x) / len(score)
	for g := range score {
		first, second := float32(math.Inf(-1)), float32(math.Inf(-1))
		for _, v := range x[g*size:][:size] {
			if v > first {
				first, second = v, first
			} else if v > second {
				second = v
			}
		}
		score[g] = first + second
	}
	for range used {
		if g := largest(score); g >= 0 {
			score[g] = float32(math.NaN())
		}
	}
	for g, s := range score {
		if s == s {
			for i := range size {
				x[g*size+i] = float32(math.Inf(-1))
			}
		}
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
