package ref

import (
	"math"
	"slices"
	"testing"
)

func TestSoftmax(t *testing.T) {
	none := math.Inf(-1)
	for _, c := range []struct {
		scores []float64
		sink   float64
		want   []float64
	}{
		{[]float64{0, math.Log(3)}, none, []float64{.25, .75}},
		{[]float64{1e4, 1e4 + math.Log(3)}, none, []float64{.25, .75}},
		{[]float64{0, none, 0}, math.Log(2), []float64{.25, 0, .25}},
		{[]float64{0}, 1e5, []float64{0}},
		{[]float64{none, none}, none, []float64{0, 0}},
		{[]float64{none}, 0, []float64{0}},
	} {
		got := slices.Clone(c.scores)
		Softmax(got, c.sink)
		near(t, "softmax", got, c.want)
	}
}

func TestLinear(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6}    // [2][3]
	w := []float32{1, 0, -1, 10, 20, 5} // [2][3]
	near(t, "matmul", Matmul(x, w, 2, 2, 3), []float64{-2, 65, -2, 170})
	near(t, "score", Score(x, w[:3], 2, 1, 3), []float64{-2, -2})
	o := []float64{1, 0, 0, 0, 0, 2}
	Mix(o, []float32{1, 2, 0, -1}, w, 2, 2, 3)
	near(t, "mix", o, []float64{22, 40, 9, -10, -20, -3})
}

// TestAttention uses keys whose scores are logarithms, so that the weights can be read off by hand.
func TestAttention(t *testing.T) {
	ln := func(v float64) float32 { return float32(math.Log(v)) }
	// [3][2][1]: weights 1, 2, 4 for KV head 0 and 1, 3, 1 for KV head 1
	k := []float32{0, 0, ln(2), ln(3), ln(4), 0}
	v := []float32{1, 10, 2, 20, 3, 30} // [3][2][1]
	plain := Attention{Heads: 4, KVHeads: 2, KeyDim: 1, ValueDim: 1}
	for _, c := range []struct {
		name  string
		edit  func(*Attention)
		first int
		want  []float64 // of the query's four heads
	}{
		{"last position", func(*Attention) {}, 2, []float64{17. / 7, 17. / 7, 20, 20}},
		{"beyond the cache", func(*Attention) {}, 9, []float64{17. / 7, 17. / 7, 20, 20}},
		{"causal", func(*Attention) {}, 1, []float64{5. / 3, 5. / 3, 17.5, 17.5}},
		{"full", func(a *Attention) { a.Full = true }, 0, []float64{17. / 7, 17. / 7, 20, 20}},
		{"before the cache", func(*Attention) {}, -1, []float64{0, 0, 0, 0}},
		{"window", func(a *Attention) { a.Window = 2 }, 2, []float64{16. / 6, 16. / 6, 22.5, 22.5}},
		{"window of one", func(a *Attention) { a.Window = 1 }, 1, []float64{2, 2, 20, 20}},
		{"chunks of two", func(a *Attention) { a.Window, a.Chunked = 2, true }, 2, []float64{3, 3, 30, 30}},
		{"the first chunk", func(a *Attention) { a.Window, a.Chunked = 2, true }, 1, []float64{5. / 3, 5. / 3, 17.5, 17.5}},
		{"scale", func(a *Attention) { a.Scale = 2 }, 2, []float64{57. / 21, 57. / 21, 20, 20}},
		{"sinks", func(a *Attention) { a.Sinks = []float32{0, ln(7), ln(5), -1e9} }, 2,
			[]float64{17. / 8, 17. / 14, 10, 20}},
		{"tight cap", func(a *Attention) { a.Softcap = 1e-9 }, 2, []float64{2, 2, 20, 20}},
		{"loose cap", func(a *Attention) { a.Softcap = 1e9 }, 2, []float64{17. / 7, 17. / 7, 20, 20}},
		{"offset", func(a *Attention) {
			a.Scale = .5 // applies to the offset too, and the weights become square roots
			a.Offset = func(head, query, key int) float64 {
				if query != 0 || head > 1 || key != 2 {
					return 0
				}
				return 2 * math.Log(5)
			}
		}, 2, []float64{
			(1 + 2*math.Sqrt2 + 3*10) / (1 + math.Sqrt2 + 10), (1 + 2*math.Sqrt2 + 3*10) / (1 + math.Sqrt2 + 10), 20, 20}},
	} {
		a := plain
		c.edit(&a)
		near(t, c.name, a.Run([]float32{1, 1, 1, 1}, k, v, c.first), c.want)
	}
}

// TestAttentionShapes runs two queries with wider rows: each must give what it gives alone, and
// values out of sight must not matter even when they are NaN.
func TestAttentionShapes(t *testing.T) {
	a := Attention{Heads: 6, KVHeads: 2, KeyDim: 3, ValueDim: 5}
	const keys = 4
	q, k, v := LCG(2*6*3, 1, 1), LCG(keys*2*3, 2, 1), LCG(keys*2*5, 3, 1)
	nan := float32(math.NaN())
	copy(v[3*2*5:], slices.Repeat([]float32{nan}, 10))
	got := a.Run(q, k, v, 1)
	if len(got) != 2*6*5 {
		t.Fatalf("%d outputs, want 60", len(got))
	}
	near(t, "query 0", got[:30], a.Run(q[:18], k, v, 1))
	near(t, "query 1", got[30:], a.Run(q[18:], k, v, 2))
	var sum float64
	for _, w := range a.Weights(q[:3], k, 0, 0, 2) {
		sum += w
	}
	near(t, "sum of weights", []float64{sum}, []float64{1})
}

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= 2e-7*(1+math.Abs(w))) {
			t.Errorf("%s, element %d: %g, want %g", what, i, got[i], w)
		}
	}
}
