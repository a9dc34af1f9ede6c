package model

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestRecurrentState goes back in a context with a recurrent layer, which it can only to the start,
// and shifts it, which leaves the state as it is and can drop the older positions but not the last.
func TestRecurrentState(t *testing.T) {
	c := readCase(t, "qwen35")
	x, err := c.context(t, "f32", "f32", Options{Threads: 2, Batch: 16})
	if err != nil {
		t.Fatal(err)
	}
	decoded := func() []float32 {
		t.Helper()
		l, err := x.Decode(7)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(l)
	}
	same := func(what string, got, want []float32, most float64) {
		t.Helper()
		if m, _ := differ([][]float32{got}, [][]float32{want}); !(m <= most) {
			t.Errorf("%s: differs by %.2g, allowed %.2g", what, m, most)
		}
	}
	refused := func(what string, err error, length int) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "layer 0 is recurrent") {
			t.Errorf("%s: %v", what, err)
		}
		if x.Len() != length {
			t.Errorf("%s: %d positions are left of %d", what, x.Len(), length)
		}
	}

	first := prefill(t, x, c.Tokens[:40], 39)[0]
	want := decoded()
	prefill(t, x, c.Tokens[:40], 39)
	refused("back by ten", x.Truncate(30), 40)
	refused("a shift of the end", x.Shift(30, 10), 40)
	if err := x.Truncate(40); err != nil {
		t.Error(err)
	}
	same("after refusals", decoded(), want, 0)

	if err := x.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if err := x.Eval(c.Tokens[:40], 40, nil); err != nil {
		t.Fatal(err)
	}
	same("after going back to the start", decoded(), want, 1e-5)
	same("a prompt run again", prefill(t, x, c.Tokens[:40], 39)[0], first, 0)

	// A RoPE knows distances alone, so that dropping the oldest positions at once or in two steps
	// is the same.
	state := slices.Clone(x.Cache.State(0))
	for _, n := range []int{10, 6} {
		if err := x.Shift(0, n); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(state, x.Cache.State(0)) {
		t.Error("a shift changed the state")
	}
	twice := decoded()
	prefill(t, x, c.Tokens[:40], 39)
	if err := x.Shift(0, 16); err != nil {
		t.Fatal(err)
	}
	same("two shifts and one", decoded(), twice, 2e-5)
	fresh := prefill(t, x, append(slices.Clone(c.Tokens[16:40]), 7), 24)[0]
	if m, _ := differ([][]float32{fresh}, [][]float32{twice}); m < 1e-3 {
		t.Errorf("a context that remembers what was dropped differs by %.2g from one that never saw it", m)
	}
}

// TestErrorClearsRecurrentState ends a run by an error: the tokens that were run cannot be taken
// out of a state.
func TestErrorClearsRecurrentState(t *testing.T) {
	c := readCase(t, "qwen35moe")
	x, err := c.context(t, "f16", "f16", Options{Threads: 1, Batch: 8})
	if err != nil {
		t.Fatal(err)
	}
	want := prefill(t, x, c.Tokens[:20], 19)[0]
	failed := errors.New("failed")
	err = x.Eval(c.Tokens[20:40], 10, func(int, []float32) error { return failed })
	if err != failed || x.Len() != 0 {
		t.Fatalf("error %v, %d positions", err, x.Len())
	}
	l, err := x.Prefill(c.Tokens[:20])
	if err != nil || !slices.Equal(l, want) {
		t.Errorf("the context is not as new (%v)", err)
	}
}

// TestTextTurnsSections checks which pairs of a RoPE over several axes a text turns, for files
// whose sections do not cover all pairs.
func TestTextTurnsSections(t *testing.T) {
	for _, x := range []struct {
		sections []int
		pairs    int
		still    []int
	}{
		{nil, 8, nil},
		{[]int{0, 0, 0, 0}, 8, nil},
		{[]int{3, 3, 2, 0}, 8, nil},
		{[]int{11, 11, 10, 0}, 32, nil},
		{[]int{2, 2, 2, 2}, 8, []int{6, 7}},
		{[]int{2, 1, 1, 0}, 8, []int{}},
		{[]int{4, 1, 1, 0}, 6, []int{4, 5}},
	} {
		r := Rope{Dims: 2 * x.pairs, Base: 100, Sections: x.sections}
		var still []int
		for i, f := range r.frequencies(nil) {
			if f == 0 {
				still = append(still, i)
			}
		}
		if !slices.Equal(still, x.still) {
			t.Errorf("sections %v: pairs %v stay, want %v", x.sections, still, x.still)
		}
	}
}
