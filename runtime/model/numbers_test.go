package model

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/kv"
)

// poisoned is a recipe with NaN as some values of a tensor: one of every expert, or one alone.
func (r *recipe) poisoned(name string) *recipe {
	c := r.clone()
	x := c.tensor(name)
	data := slices.Clone(c.data[name])
	step := len(data)
	if strings.Contains(name, "exps") {
		step = len(data) / int(x.Dims[len(x.Dims)-1]) // a value of every expert
	}
	for at := 0; at < len(data); at += step {
		if x.Type == 0 {
			binary.LittleEndian.PutUint32(data[at:], math.Float32bits(float32(math.NaN())))
		} else {
			binary.LittleEndian.PutUint16(data[at:], 0x7e00)
		}
	}
	c.data[name] = data
	return c
}

// spared are tensors that a few tokens need not touch: rows of tokens that are not there, divisors
// of other contexts, projections of layers that read the cache of others.
func spared(m *Model, name string) bool {
	for _, s := range []string{"token_embd", "per_layer_token_embd", "rope_freqs", "rope_factors", "position_embd"} {
		if strings.HasPrefix(name, s) {
			return true
		}
	}
	for _, o := range m.others {
		if o.Reads != o.Layer && strings.HasPrefix(name, "blk.") && strings.Contains(name, "attn_") {
			return true
		}
	}
	return false
}

// TestOneNaN puts a NaN into every tensor of every family, one at a time, and runs some tokens at
// once and one by one, in both forms, with cache types that would store it as 0. It must never
// become text.
func TestOneNaN(t *testing.T) {
	tried := 0
	for _, name := range caseNames(t) {
		if strings.HasPrefix(name, "w_") {
			continue // these differ in weight types alone
		}
		t.Run(name, func(t *testing.T) {
			r, c := recipeOf(t, name), readCase(t, name)
			for _, x := range r.tensors {
				if x.Type > 1 || spared(c.model, x.Name) {
					continue
				}
				tried++
				data, err := r.poisoned(x.Name).bytes()
				if err != nil {
					t.Fatal(err)
				}
				f, err := gguf.Parse(data, testSizes)
				if err != nil {
					t.Fatal(err)
				}
				m, err := load(f, kernels.Default(), testTypes)
				if err != nil {
					continue // a scale of a layer, which is looked at when the file is loaded
				}
				for _, form := range []Math{Exact, Fast} {
					bad := &conformance{model: m}
					ctx, err := bad.context(t, "q8_0", "q8_0", Options{Threads: 1, Math: form})
					if err != nil {
						if ctx, err = bad.context(t, "f16", "f16", Options{Threads: 1, Math: form}); err != nil {
							t.Fatal(err)
						}
					}
					tokens := c.Tokens[:min(6, len(c.Tokens))]
					_, whole := ctx.Prefill(tokens)
					ctx.Clear()
					var single error
					for _, id := range tokens {
						if _, single = ctx.Decode(id); single != nil {
							break
						}
					}
					for how, err := range map[string]error{"at once": whole, "one by one": single} {
						var logits *NotNumbers
						var row *kv.Fault
						if !errors.As(err, &logits) && !errors.As(err, &row) {
							t.Errorf("NaN in %s, %v, tokens %s: %v", x.Name, form, how, err)
						}
					}
				}
			}
		})
	}
	if tried < 200 {
		t.Errorf("only %d tensors were tried", tried)
	}
}

// TestRowNumbers looks at what keys and values are made of, as is done before a device runs a
// model.
func TestRowNumbers(t *testing.T) {
	for _, name := range []string{"llama_hd64", "qwen2_hd64", "qwen3", "phi3", "gemma4_e2b", "qwen35", "gptoss"} {
		r := recipeOf(t, name)
		if err := r.model(t).rowNumbers(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		found := 0
		for _, x := range r.tensors {
			for _, part := range []string{"attn_k.weight", "attn_v.weight", "attn_k.bias", "attn_k_norm.weight"} {
				if x.Type > 1 || !strings.HasSuffix(x.Name, part) || strings.HasPrefix(x.Name, "blk.4") || strings.HasPrefix(x.Name, "blk.5") {
					continue // later layers of gemma4 read the cache of earlier ones
				}
				if err := r.poisoned(x.Name).model(t).rowNumbers(); err == nil || !strings.Contains(err.Error(), "weights of") {
					t.Errorf("%s, %s: %v", name, x.Name, err)
				}
				found++
			}
		}
		if found == 0 && name != "phi3" {
			t.Errorf("%s: nothing was tried", name)
		}
	}
}

// TestNumbersAreNamed holds which token of a call is named for a hidden vector or a logit that is
// no number.
func TestNumbersAreNamed(t *testing.T) {
	const n, tokens, first = 3, 4, 5
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		for token := range tokens {
			for i := range n {
				hidden := make([]float32, n*tokens)
				if err := hiddenNumbers(hidden, n, first); err != nil {
					t.Fatal(err)
				}
				hidden[token*n+i] = bad
				var found *NotNumbers
				if err := hiddenNumbers(hidden, n, first); !errors.As(err, &found) || found.number != first+token || found.Token != -1 {
					t.Errorf("%v as value %d of token %d: %+v", bad, i, token, found)
				}
			}
		}
	}
	for _, c := range []struct {
		logits []float32
		bad    int // -1 for none
	}{
		{[]float32{1, 2, 3}, -1},
		{[]float32{1, float32(math.Inf(-1)), 3}, -1}, // a token that is never chosen
		{[]float32{1, 2, float32(math.NaN())}, 2},
		{[]float32{float32(math.NaN()), 2, 3}, 0},
		{[]float32{1, float32(math.Inf(1)), 3}, 1},
	} {
		err := numbers(c.logits, first)
		var found *NotNumbers
		if named := errors.As(err, &found); named != (c.bad >= 0) || named && (found.Token != c.bad || found.number != first) {
			t.Errorf("logits %v: %+v", c.logits, found)
		}
	}
}
