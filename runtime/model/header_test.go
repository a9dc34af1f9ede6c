package model

import (
	"math"
	"strings"
	"testing"
)

// TestFloatKeys refuses numbers of the header that are not positive and finite, by name, and takes those that are.
func TestFloatKeys(t *testing.T) {
	for _, key := range []string{"llama.attention.layer_norm_rms_epsilon", "llama.rope.freq_base"} {
		for _, v := range []float32{-1, 0, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())} {
			r := llamaRecipe(t)
			r.keys[key] = v
			if err := r.load(t); err == nil || !strings.Contains(err.Error(), key) {
				t.Errorf("%s = %v: %v", key, v, err)
			}
		}
		r := llamaRecipe(t)
		r.keys[key] = float32(1e-5)
		if err := r.load(t); err != nil {
			t.Errorf("%s = 1e-5: %v", key, err)
		}
	}
	r := llamaRecipe(t)
	delete(r.keys, "llama.attention.layer_norm_rms_epsilon")
	if err := r.load(t); err == nil || !strings.Contains(err.Error(), "epsilon is missing") {
		t.Errorf("no epsilon: %v", err)
	}
}
