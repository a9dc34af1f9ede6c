//go:build emulate || gpu

package model_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// arrangement is a way to share a model out over the processor, nil, and GPUs.
type arrangement struct {
	name   string
	places []model.Placement
}

// arrangements are a model cut in the middle: the second half on a GPU, as with --gpu-layers, the
// first half, both halves on two, and the output alone on one.
func arrangements(c *model.Case, one, two model.Device) (all []arrangement) {
	n, half := c.Model.Layers, c.Model.Layers/2
	for half > 1 && c.Model.Program().Cut(half) != nil {
		half--
	}
	for _, a := range []struct {
		name         string
		first, other model.Device
		at           int
	}{{"processor, GPU", nil, one, half}, {"GPU, processor", one, nil, half}, {"two GPUs", one, two, half}, {"output on a GPU", nil, one, n}} {
		if c.Model.Program().Cut(a.at) == nil {
			all = append(all, arrangement{fmt.Sprintf("%s, %d layers first", a.name, a.at), []model.Placement{{Device: a.first, Layers: a.at}, {Device: a.other}}})
		}
	}
	return all
}

// placed is a context with one type in the cache.
func placed(t *testing.T, c *model.Case, places []model.Placement, typ string, ends kv.Ends, batch int) *model.Context {
	t.Helper()
	side := kv.Choice{Type: kernels.Default().ByName(typ)}
	plan, err := kv.NewPlan(c.Model.KVLayers(), kv.Policy{K: side, V: side, Ends: ends})
	if err != nil {
		t.Fatal(err)
	}
	x, err := c.Model.NewContext(model.Options{Plan: plan, Size: c.Size, Batch: batch, Threads: 1, Placements: places})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

// mechanisms are models with what can go wrong between two devices, and how far a GPU may be from
// the processor.
var mechanisms = []struct {
	name string
	most float64
}{
	{"llama_hd64", 2e-4},
	{"gpt2", 2e-2},         // learned positions
	{"gptoss_mxfp4", 2e-3}, // experts, sinks, windows
	{"qwen35moe", 1e-3},    // states of a delta net, experts
	{"gemma4_e2b", 2e-2},   // layers that read others' caches, inputs of layers
}

// TestStagesOnGPU shares models out and holds them to the processor: a prompt in batches, then
// tokens one by one.
func TestStagesOnGPU(t *testing.T) {
	one, two := openGPU(t), secondGPU(t)
	for _, m := range mechanisms {
		c := model.ReadCase(t, m.name)
		want := rowsOf(t, placed(t, c, nil, "f32", kv.Ends{}, 16), c.Tokens[:40])
		for _, a := range arrangements(c, one, two) {
			x := placed(t, c, a.places, "f32", kv.Ends{}, 16)
			far := 0.0
			for i, row := range rowsOf(t, x, c.Tokens[:40]) {
				far = max(far, farthest(row, want[i]))
			}
			t.Logf("%s, %s: %.2g", m.name, a.name, far)
			if !(far <= m.most) {
				t.Errorf("%s, %s: logits are %.2g from the processor's, allowed %.2g", m.name, a.name, far, m.most)
			}
		}
	}
}

// rowsOf is the logits of tokens, the last eight of which come one by one.
func rowsOf(t *testing.T, x *model.Context, tokens []int32) (rows [][]float32) {
	t.Helper()
	prompt := tokens[:len(tokens)-8]
	err := x.Eval(prompt, 0, func(_ int, l []float32) error { rows = append(rows, slices.Clone(l)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens[len(prompt):] {
		l, err := x.Decode(token)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, slices.Clone(l))
	}
	return rows
}

// TestStagesTalkOnGPU does in arrangements what conversations do, beside the processor: exact ends
// leave, positions are dropped, what is saved in one is restored in the other.
func TestStagesTalkOnGPU(t *testing.T) {
	one, two := openGPU(t), secondGPU(t)
	for _, m := range mechanisms[2:] {
		c := model.ReadCase(t, m.name)
		ends := kv.Ends{First: 2, Last: 9}
		for _, a := range arrangements(c, one, two)[:3] {
			d, h := placed(t, c, a.places, "f16", ends, 16), placed(t, c, nil, "f16", ends, 16)
			same := func(what string, tokens []int32) {
				t.Helper()
				p, err := d.Prefill(tokens)
				if err != nil {
					t.Fatalf("%s, %s, %s: %v", m.name, a.name, what, err)
				}
				q, err := h.Prefill(tokens)
				if err != nil {
					t.Fatal(err)
				}
				if far := farthest(p, q); !(far <= 2*m.most) {
					t.Errorf("%s, %s, %s: %.2g from the processor", m.name, a.name, what, far)
				}
			}
			same("a prompt", c.Tokens[:37])
			same("a token", c.Tokens[37:38])
			if err := errors.Join(d.Shift(2, 10), h.Shift(2, 10)); err != nil {
				t.Fatal(err)
			}
			same("after a shift", c.Tokens[38:41])
			var fromDevices, fromHost bytes.Buffer
			if err := errors.Join(d.Save(&fromDevices), h.Save(&fromHost)); err != nil {
				t.Fatal(err)
			}
			d, h = placed(t, c, a.places, "f16", ends, 16), placed(t, c, nil, "f16", ends, 16)
			if err := errors.Join(d.Restore(&fromHost), h.Restore(&fromDevices)); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				same("restored from the other", c.Tokens[41+i:42+i])
			}
		}
	}
}

// TestStagesSequencesOnGPU mixes sequences in arrangements; see TestSequencesOnGPU.
func TestStagesSequencesOnGPU(t *testing.T) {
	one, two := openGPU(t), secondGPU(t)
	for _, s := range []struct {
		name, k, v string
		ends       kv.Ends
		offset     bool
		most       float64
		share      float64
	}{
		{"llama_hd64", "q8_0", "q4_0", kv.Ends{First: 3, Last: 10}, true, 0, .2},
		{"qwen35moe", "f16", "f16", kv.Ends{}, false, 1e-3, 0},
		{"gemma4_e2b", "q8_0", "q8_0", kv.Ends{First: 2, Last: 6}, false, 0, .2},
	} {
		c := model.ReadCase(t, s.name)
		for _, a := range arrangements(c, one, two)[:3] {
			t.Run(s.name+" "+a.name, func(t *testing.T) {
				model.SequencesAreAlone(t, a.places, s.name, s.k, s.v, s.ends, s.offset, s.most, s.share)
			})
		}
	}
}

// TestStagesShareWeightsOnGPU: what two contexts have on a GPU is there once, and what only one
// wants goes with it.
func TestStagesShareWeightsOnGPU(t *testing.T) {
	one := openGPU(t)
	c := model.ReadCase(t, "llama_hd64")
	both := []model.Placement{{Layers: 1}, {Device: one}}
	a := placed(t, c, whole(one), "f16", kv.Ends{}, 16)
	b := placed(t, c, both, "f16", kv.Ends{}, 16)
	want := rowsOf(t, a, c.Tokens[:20])
	a.Close()
	for i, row := range rowsOf(t, b, c.Tokens[:20]) {
		if far := farthest(row, want[i]); !(far <= 5e-4) {
			t.Errorf("token %d: %.2g apart", i, far)
		}
	}
}
