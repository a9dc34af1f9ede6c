package model

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/gguf"
)

// TestFloatKeys refuses numbers of the header that are not positive and finite, by name, and takes
// those that are.
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

// TestOptionalFloat takes a number as it is, 1 among them, and the default for one that is 0 or
// absent.
func TestOptionalFloat(t *testing.T) {
	for _, c := range []struct {
		key  any // nil for absent
		want float32
	}{{nil, 7}, {float32(0), 7}, {float32(1), 1}, {float32(.5), .5}, {uint32(1), 1}} {
		var out bytes.Buffer
		w := gguf.NewWriter(&out)
		if c.key != nil {
			if err := w.Set("llama.x", c.key); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Set("general.architecture", "llama"); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := gguf.Parse(out.Bytes(), testSizes)
		if err != nil {
			t.Fatal(err)
		}
		h := &Header{f: f, arch: "llama", read: map[string]string{}}
		if got := h.OptionalFloat("x", 7); got != c.want {
			t.Errorf("%v: %g, want %g", c.key, got, c.want)
		}
	}
}
