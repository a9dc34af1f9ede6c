//go:build emulate || gpu

package model_test

import (
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// TestSequencesOnGPU mixes sequences in batches on a GPU, with rows that are shared, cells that are used again, a shift, states that are
// saved; see TestSequencesAreAlone. Each must give the logits that the processor gives of it alone.
func TestSequencesOnGPU(t *testing.T) {
	g := openGPU(t)
	for _, c := range []struct {
		name, k, v string
		ends       kv.Ends
		offset     bool
		math       model.Math
		most       float64 // difference from the processor
		share      float64 // of the cache's own error instead
	}{
		{"llama_hd64", "f32", "f32", kv.Ends{}, false, model.Exact, 2e-4, 0},
		{"llama_hd64", "q8_0", "q4_0", kv.Ends{First: 3, Last: 10}, true, model.Exact, 0, .2},
		{"qwen2_hd64", "q8_0", "q8_0", kv.Ends{First: 30}, false, model.Exact, 0, .2}, // of a batch some tokens are exact and some not
		{"gemma3", "f16", "f16", kv.Ends{}, false, model.Exact, 5e-2, 0},
		{"gptoss_mxfp4", "q8_0", "q8_0", kv.Ends{Last: 9}, false, model.Exact, 0, .2},
		{"qwen35moe", "f16", "f16", kv.Ends{}, false, model.Exact, 5e-4, 0},
		{"gemma4_e2b", "q8_0", "q8_0", kv.Ends{First: 2, Last: 6}, false, model.Exact, 0, .2},
		{"w_q4_k", "q8_0", "q8_0", kv.Ends{}, true, model.Fast, 0, .5},
	} {
		t.Run(c.name+" "+c.k, func(t *testing.T) {
			model.SequencesAreAlone(t, g, c.name, c.k, c.v, c.ends, c.offset, c.math, c.most, c.share)
		})
	}
}
