package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestWantedLogits asks for the logits of some tokens of a batch, next to each other and apart:
// those are visited, in order of their sequences, with the logits that they have when all are
// asked for.
func TestWantedLogits(t *testing.T) {
	c := readCase(t, "llama_hd64")
	x, err := c.context(t, "f32", "f32", Options{Threads: 1, Sequences: 2, Cells: 512, Batch: 32})
	if err != nil {
		t.Fatal(err)
	}
	const n = 40 // of which 32 are in a batch
	r := rand.New(rand.NewPCG(1, 2))
	run := func(wants func(i int) bool) (visited []int, logits [][]float32) {
		t.Helper()
		x.Clear()
		var tokens []Token
		for i := range n {
			tokens = append(tokens, Token{Seq: i % 2, ID: c.Tokens[i], NoLogits: !wants(i)})
		}
		if err := x.EvalBatch(tokens, func(i int, l []float32) error {
			visited, logits = append(visited, i), append(logits, slices.Clone(l))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return visited, logits
	}
	order, all := run(func(int) bool { return true })
	for name, wants := range map[string]func(i int) bool{
		"none":         func(int) bool { return false },
		"the first":    func(i int) bool { return i == 0 },
		"the last":     func(i int) bool { return i == n-1 },
		"one sequence": func(i int) bool { return i%2 == 1 },
		"every third":  func(i int) bool { return i%3 == 0 },
		"pairs":        func(i int) bool { return i%8 < 4 },
		"some":         func(int) bool { return r.IntN(3) == 0 },
	} {
		var want []int
		asked := map[int]bool{}
		for i := range n {
			asked[i] = wants(i)
		}
		for _, i := range order {
			if asked[i] {
				want = append(want, i)
			}
		}
		visited, logits := run(func(i int) bool { return asked[i] })
		if !slices.Equal(visited, want) {
			t.Errorf("%s: visited %v, want %v", name, visited, want)
			continue
		}
		for k, i := range visited {
			for v, l := range logits[k] {
				if d := math.Abs(float64(l - all[slices.Index(order, i)][v])); !(d < 1e-4) {
					t.Fatalf("%s: logit %d of token %d is %g off", name, v, i, d)
				}
			}
		}
	}
}
