package engine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// route chooses experts for rows of logits, with some workers one after the other.
func route(gating program.Gating, count, used, workers int, logits []float32) *routing {
	n := len(logits) / count
	r := &routing{
		p: &pass{n: n, vec: cpu.NewVec(kernels.Default())}, e: &program.ExpertsStep{Count: count, Used: used, Routing: program.Routing{Gating: gating}},
		logits: slices.Clone(logits), chosen: make([]int32, n*used), weights: make([]float32, n*used),
	}
	for w := range workers {
		r.Do(w, workers)
	}
	r.group()
	return r
}

// TestRouting holds the experts of tokens, their weights and their slots to plain loops: the
// largest logits in order, the first of equal ones before others, and their share of all or of the
// chosen.
func TestRouting(t *testing.T) {
	const count, used, n = 7, 4, 5
	r := rand.New(rand.NewPCG(1, 2))
	for _, gating := range []program.Gating{program.SoftmaxAll, program.SoftmaxChosen} {
		for range 200 {
			logits := make([]float32, n*count)
			for i := range logits {
				logits[i] = float32(r.IntN(9)) / 2 // many are equal
			}
			got := route(gating, count, used, 1+r.IntN(3), logits)
			for j := range n {
				row := logits[j*count:][:count]
				order := []int32{0, 1, 2, 3, 4, 5, 6}
				slices.SortStableFunc(order, func(a, b int32) int { return int(4 * (row[b] - row[a])) })
				if chosen := got.chosen[j*used:][:used]; !slices.Equal(chosen, order[:used]) {
					t.Fatalf("of %v are chosen %v, want %v", row, chosen, order[:used])
				}
				var sum float64
				for _, e := range order[:used] {
					sum += math.Exp(float64(row[e]))
				}
				for k, e := range order[:used] {
					want := math.Exp(float64(row[e])) / sum
					if w := float64(got.weights[j*used+k]); math.Abs(w-want) > 1e-5 {
						t.Fatalf("%v: expert %d weighs %g, want %g", row, e, w, want)
					}
				}
			}
			checkSlots(t, got)
		}
	}
}

// checkSlots holds every choice of a token to one slot of its expert, which has the token and the
// weight of the choice, and segments to beginning where activations may be cut.
func checkSlots(t *testing.T, r *routing) {
	t.Helper()
	slots := 0
	for k, s := range r.segments {
		if s.first%cpu.ActStep != 0 || k > 0 && (s.expert <= r.segments[k-1].expert || s.first < r.segments[k-1].first+r.segments[k-1].m) {
			t.Fatalf("segments %+v", r.segments)
		}
		before := int32(-1)
		for at := s.first; at < s.first+s.m; at++ {
			token := r.token[at]
			choice := slices.Index(r.chosen[int(token)*r.e.Used:][:r.e.Used], int32(s.expert))
			if choice < 0 || token <= before || r.weight[at] != r.weights[int(token)*r.e.Used+choice] {
				t.Fatalf("slot %d of %+v: token %d, weight %g", at, s, token, r.weight[at])
			}
			before = token
			slots++
		}
	}
	if slots != len(r.chosen) {
		t.Fatalf("%d slots of %d", slots, len(r.chosen))
	}
}

// TestRoutingOfNaN gives a token logits of which some or all are NaN: its experts are distinct ones
// of those there are, and a weight tells of the NaN.
func TestRoutingOfNaN(t *testing.T) {
	const count, used = 5, 4
	nan := float32(math.NaN())
	for _, gating := range []program.Gating{program.SoftmaxAll, program.SoftmaxChosen} {
		for _, logits := range [][]float32{{nan, nan, nan, nan, nan}, {1, nan, 2, nan, nan}, {nan, 3, nan, nan, nan}} {
			got := route(gating, count, used, 1, logits)
			if !slices.ContainsFunc(got.weights, func(w float32) bool { return w != w }) {
				t.Errorf("%v: weights %v", logits, got.weights)
			}
			for _, e := range got.chosen {
				if e < 0 || e >= count {
					t.Errorf("%v: experts %v", logits, got.chosen)
				}
			}
			if all := slices.Compact(slices.Sorted(slices.Values(got.chosen))); logits[1] != logits[1] && logits[0] != logits[0] && len(all) != used {
				t.Errorf("%v: experts %v, want %d distinct", logits, got.chosen, used)
			}
		}
	}
}

// TestRoutingByGroups holds a choice by groups and bias to one made by hand: four groups of two, of
// which two are used.
func TestRoutingByGroups(t *testing.T) {
	for _, c := range []struct {
		of      program.Routing
		logits  []float32
		chosen  []int32
		weights []float32
	}{
		// sums of groups: 3, 5, 4, 1
		{program.Routing{Gating: program.Sigmoid, Groups: 4, GroupsUsed: 2, AsIs: true, Bias: []float32{1, 1, 4, 0, 0, 3, 0, 0}},
			[]float32{0, 0, 0, 0, 0, 0, 0, 0}, []int32{2, 5, 3}, []float32{.5, .5, .5}},
		// the largest of all is in a group that is not used
		{program.Routing{Gating: program.Sigmoid, Groups: 4, GroupsUsed: 2, Scale: 3, Bias: []float32{9, -9, 2, 1, 2, 1, 0, 0}},
			[]float32{0, 0, 0, 0, 0, 0, 0, 0}, []int32{2, 4, 3}, []float32{1, 1, 1}},
		{program.Routing{AsIs: true, Bias: []float32{0, 0, 0, 0, 0, 0, 0, 1}}, []float32{3, 2, 1, 0, 0, 0, 0, 0}, []int32{7, 0, 1},
			[]float32{.02841, .57073, .20996}},
	} {
		r := &routing{
			p: &pass{n: 1, vec: cpu.NewVec(kernels.Default())}, e: &program.ExpertsStep{Count: 8, Used: 3, Routing: c.of},
			logits: slices.Clone(c.logits), biased: make([]float32, 8+c.of.Groups), chosen: make([]int32, 3), weights: make([]float32, 3),
		}
		r.Do(0, 1)
		if !slices.Equal(r.chosen, c.chosen) {
			t.Errorf("%+v: chosen %v, want %v", c.of, r.chosen, c.chosen)
		}
		for i, w := range c.weights {
			if math.Abs(float64(r.weights[i]-w)) > 1e-4 {
				t.Errorf("%+v: weights %v, want %v", c.of, r.weights, c.weights)
			}
		}
	}
}
