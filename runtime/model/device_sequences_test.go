//go:build emulate || gpu

package model_test

import (
	"slices"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// TestSequencesOnGPU mixes sequences in batches on a GPU, with rows that are shared, cells that are
// used again, a shift, states that are saved; see TestSequencesAreAlone. Each must give the logits
// that the processor gives of it alone.
func TestSequencesOnGPU(t *testing.T) {
	g := openGPU(t)
	for _, c := range []struct {
		name, k, v string
		ends       kv.Ends
		offset     bool
		most       float64 // difference from the processor
		share      float64 // of the cache's own error instead
	}{
		{"llama_hd64", "f32", "f32", kv.Ends{}, false, 2e-4, 0},
		{"llama_hd64", "q8_0", "q4_0", kv.Ends{First: 3, Last: 10}, true, 0, .2},
		// of a batch some tokens are exact and some not
		{"qwen2_hd64", "q8_0", "q8_0", kv.Ends{First: 30}, false, 0, .2},
		{"gemma3", "f16", "f16", kv.Ends{}, false, 5e-2, 0},
		{"gptoss_mxfp4", "q8_0", "q8_0", kv.Ends{Last: 9}, false, 0, .2},
		{"qwen35moe", "f16", "f16", kv.Ends{}, false, 1e-3, 0},
		{"gemma4_e2b", "q8_0", "q8_0", kv.Ends{First: 2, Last: 6}, false, 0, .2},
	} {
		t.Run(c.name+" "+c.k, func(t *testing.T) {
			model.SequencesAreAlone(t, whole(g), c.name, c.k, c.v, c.ends, c.offset, c.most, c.share)
		})
	}
}

// TestSequencesKeepTheirBitsOnGPU runs a sequence beside others that differ from one time to the
// next, in batches of as many tokens: its logits are the same. In a context of its own they differ
// by the order of sums.
func TestSequencesKeepTheirBitsOnGPU(t *testing.T) {
	g := openGPU(t)
	for _, s := range []struct {
		name string
		math model.Math
		most float64
	}{{"llama_hd64", model.Exact, 5e-4}, {"w_q4_k", model.Fast, 5e-3}, {"qwen35moe", model.Fast, 5e-3}} {
		c := model.ReadCase(t, s.name)
		plan := contextOf(t, c, nil, "q8_0", 64).Cache.Plan
		context := func(sequences int) *model.Context {
			x, err := c.Model.NewContext(model.Options{Plan: plan, Size: c.Size, Batch: 64, Threads: 1, Placements: whole(g), Math: s.math, Sequences: sequences, Cells: sequences * c.Size})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(x.Close)
			return x
		}
		var first [][]float32
		x, alone := context(3), context(1)
		for turn, others := range [][2]int{{10, 90}, {80, 3}, {1, 1}} {
			x.Clear()
			rows := beside(t, x, c, others, turn)
			if turn == 0 {
				first = rows
			}
			for i := range rows {
				if !slices.Equal(rows[i], first[i]) {
					t.Errorf("%s, beside sequences of %v tokens, token %d differs by %.2g", s.name, others, i, farthest(rows[i], first[i]))
				}
			}
		}
		if err := alone.Eval(c.Tokens[:20], 20, nil); err != nil {
			t.Fatal(err)
		}
		for i, row := range first {
			l, err := alone.Decode(c.Tokens[20+i])
			if d := farthest(l, row); err != nil || !(d <= s.most) {
				t.Errorf("%s, token %d: %v, %.2g from a context of its own", s.name, i, err, d)
			} else {
				t.Logf("%s, token %d: %.2g", s.name, i, d)
			}
		}
	}
}

// TestManySequencesOnGPU decodes a token of each of ten sequences at once, by the products of tens
// of tokens. Each must be nearer to the logits that it has alone in the exact form than the fast
// form of one token is, whose activations are bytes.
func TestManySequencesOnGPU(t *testing.T) {
	g := openGPU(t)
	const sequences, prompt = 10, 4
	c := model.ReadCase(t, "w_q4_k")
	context := func(sequences int, math model.Math) *model.Context {
		x, err := c.Model.NewContext(model.Options{Plan: contextOf(t, c, nil, "f16", 64).Cache.Plan, Size: c.Size, Batch: 64, Threads: 1, Placements: whole(g), Math: math, Sequences: sequences, Cells: sequences * c.Size})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(x.Close)
		return x
	}
	x, exact, bytes := context(sequences, model.Fast), context(1, model.Exact), context(1, model.Fast)
	var prompts, next []model.Token
	for seq := range sequences {
		for i := range prompt {
			prompts = append(prompts, model.Token{Seq: seq, ID: c.Tokens[seq+i], NoLogits: true})
		}
		next = append(next, model.Token{Seq: seq, ID: c.Tokens[seq+prompt]})
	}
	if err := x.EvalBatch(prompts, nil); err != nil {
		t.Fatal(err)
	}
	var rows [][]float32
	if err := x.EvalBatch(next, func(_ int, l []float32) error { rows = append(rows, slices.Clone(l)); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(rows) != sequences {
		t.Fatalf("logits of %d sequences", len(rows))
	}
	for seq, row := range rows {
		alone := func(x *model.Context) []float32 {
			x.Clear()
			var l []float32
			for _, id := range c.Tokens[seq:][:prompt+1] {
				row, err := x.Decode(id)
				if err != nil {
					t.Fatal(err)
				}
				l = slices.Clone(row)
			}
			return l
		}
		want := alone(exact)
		got, most := farthest(want, row), farthest(want, alone(bytes))
		if t.Logf("sequence %d: %.2g, of one token %.2g", seq, got, most); !(got <= most) {
			t.Errorf("sequence %d: %.2g from the exact form, where bytes are %.2g", seq, got, most)
		}
	}
}

// beside is the logits of sequence 0, the tokens of a case from number 20 on, decoded beside two
// others that have so many positions.
func beside(t *testing.T, x *model.Context, c *model.Case, others [2]int, turn int) (rows [][]float32) {
	t.Helper()
	for seq, n := range []int{20, others[0], others[1]} {
		var all []model.Token
		for i := range n {
			all = append(all, model.Token{Seq: seq, ID: c.Tokens[(i+seq*turn)%len(c.Tokens)], NoLogits: true})
		}
		if err := x.EvalBatch(all, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		batch := []model.Token{{Seq: 2, ID: c.Tokens[i+turn], NoLogits: true}, {Seq: 0, ID: c.Tokens[20+i]}, {Seq: 1, ID: c.Tokens[2*i+turn], NoLogits: true}}
		err := x.EvalBatch(batch, func(_ int, l []float32) error { rows = append(rows, slices.Clone(l)); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	return rows
}
