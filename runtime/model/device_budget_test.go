//go:build emulate && !gpu

package model_test

import (
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu/engine"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// TestBudgetOnGPU holds what is counted before a context is made to what it takes once batches of a
// token of each sequence and whole ones have run; what batches of few tokens need beside is not
// counted. Pieces are counted as a driver rounds them.
func TestBudgetOnGPU(t *testing.T) {
	for _, s := range []struct {
		name      string
		sequences int
		ends      kv.Ends
		first     int // layer on the GPU
	}{
		{"llama_hd64", 1, kv.Ends{}, 0}, {"llama_hd64", 7, kv.Ends{}, 0}, {"llama_hd64", 7, kv.Ends{First: 2, Last: 6}, 0}, {"gemma3", 5, kv.Ends{}, 0}, {"qwen35moe", 5, kv.Ends{}, 0},
		{"llama_hd64", 7, kv.Ends{First: 2, Last: 6}, 1}, {"qwen35moe", 5, kv.Ends{}, 1}, {"gemma4_e2b", 1, kv.Ends{}, 1},
	} {
		b := openGPU(t).(*engine.Backend)
		c := model.ReadCase(t, s.name)
		q := kv.Choice{Type: kernels.Default().ByName("q8_0")}
		plan, err := kv.NewPlan(c.Model.KVLayers(), kv.Policy{K: q, V: q, Ends: s.ends})
		if err != nil {
			t.Fatal(err)
		}
		places := whole(b)
		if s.first > 0 {
			places = []model.Placement{{Layers: s.first}, {Device: b}}
		}
		o := model.Options{Plan: plan, Size: 256, Batch: 64, Threads: 1, Placements: places, Sequences: s.sequences, Cells: s.sequences * 256}
		counted, err := b.Budget(c.Model, c.Model.Program().Span(s.first, c.Model.Layers+1), o)
		if err != nil {
			t.Fatal(err)
		}
		before := free(t, b)
		x, err := c.Model.NewContext(o)
		if err != nil {
			t.Fatal(err)
		}
		made := before - free(t, b)
		for _, n := range []int{1, 64 / s.sequences, 1} {
			var all []model.Token
			for i := range n * s.sequences {
				all = append(all, model.Token{Seq: i % s.sequences, ID: c.Tokens[i]})
			}
			if err := x.EvalBatch(all, func(int, []float32) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		ran := before - free(t, b)
		t.Logf("%s from layer %d on, %d sequences, %v: counted %d, made %d, ran %d", s.name, s.first, s.sequences, s.ends, counted.Need(), made, ran)
		if ran > counted.Need() || made < counted.Need()-counted.Need()/8 {
			t.Errorf("%s from layer %d on, %d sequences, ends %v: %d bytes are counted, %d are taken to begin with and %d in the end", s.name, s.first, s.sequences, s.ends, counted.Need(), made, ran)
		}
		x.Close()
	}
}

func free(t *testing.T, b *engine.Backend) uint64 {
	t.Helper()
	n, _, err := b.Device.Available()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
