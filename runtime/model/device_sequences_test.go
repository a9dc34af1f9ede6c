//go:build emulate || gpu

package model_test

import (
	"testing"

	"github.com/kvgen/kvgen/runtime/model"
)

// TestThinOnGPU is two sequences, thinly.
func TestThinOnGPU(t *testing.T) {
	g := openGPU(t)
	c := model.ReadCase(t, "llama_hd64")
	h := contextOf(t, c, nil, "f16", 64)
	d, err := c.Model.NewContext(model.Options{Plan: h.Cache.Plan, Size: c.Size, Batch: 64, Threads: 1, Device: g, Sequences: 2, Cells: 2 * c.Size})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p, err := c.Model.NewContext(model.Options{Plan: h.Cache.Plan, Size: c.Size, Batch: 64, Threads: 1, Sequences: 2, Cells: 2 * c.Size})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	run := func(tokens []model.Token) {
		t.Helper()
		var want [][]float32
		if err := p.EvalBatch(tokens, func(i int, l []float32) error { want = append(want, append([]float32(nil), l...)); return nil }); err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := d.EvalBatch(tokens, func(i int, l []float32) error {
			t.Logf("%d: %.2g", i, farthest(l, want[n]))
			n++
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	var first []model.Token
	for i, id := range c.Tokens[:30] {
		first = append(first, model.Token{Seq: 0, ID: id, NoLogits: i != 29}, model.Token{Seq: 1, ID: c.Tokens[i+11], NoLogits: i != 29})
	}
	run(first)
	for i := range 5 {
		run([]model.Token{{Seq: 0, ID: c.Tokens[30+i]}, {Seq: 1, ID: c.Tokens[41+i]}})
	}
}
