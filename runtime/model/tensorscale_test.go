package model

import (
	"slices"
	"strings"
	"testing"
)

// TestTensorScale: products of a matrix are multiplied by the scale that the file has for it. Where
// one matrix has 2 and the next 1/2, nothing changes, to the last bit; one alone changes logits.
func TestTensorScale(t *testing.T) {
	logits := func(t *testing.T, scales map[string]float32) []float32 {
		r := recipeOf(t, "w_iq2_xxs")
		for name, v := range scales {
			r.add("blk.0."+name+".scale", []float32{v})
			r.add("blk.0."+name+".input_scale", []float32{7})
		}
		c := conformance{model: r.model(t)}
		x, err := c.context(t, "f32", "f32", Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		tokens := []int32{5, 9, 20, 33, 40}
		return append(slices.Clone(prefill(t, x, tokens, 4)[0]), decode(t, x, tokens, 4)[0]...)
	}
	plain := logits(t, nil)
	if got := logits(t, map[string]float32{"ffn_up": 2, "ffn_down": .5, "attn_q": .25, "attn_k": 4}); !slices.Equal(got, plain) {
		t.Error("scales whose product is 1 changed the logits")
	}
	for _, name := range []string{"ffn_up", "ffn_gate", "ffn_down", "attn_q", "attn_v", "attn_output"} {
		if slices.Equal(logits(t, map[string]float32{name: 2}), plain) {
			t.Errorf("the scale of %s is not applied", name)
		}
	}
	r := recipeOf(t, "w_iq2_xxs")
	r.add("blk.0.ffn_up.scale", []float32{0})
	if err := r.load(t); err == nil || !strings.Contains(err.Error(), "blk.0.ffn_up.scale: a scale of 0") {
		t.Errorf("a scale of 0: %v", err)
	}
}
