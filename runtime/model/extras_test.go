package model

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu/engine"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/program"
)

// someOffset is a large constant for every head of a model, of size about 2 where its keys are
// about 1.
func someOffset(m *Model) *kv.Offset {
	r := rand.New(rand.NewPCG(3, 4))
	layers := make([]kv.LayerOffset, len(m.KVLayers()))
	for i, l := range m.KVLayers() {
		for range l.Heads * l.KeyDim {
			layers[i].Mu = append(layers[i].Mu, 2*float32(r.NormFloat64()))
		}
	}
	return kv.NewOffset("some", layers)
}

// extras makes a context whose cache has a key offset, exact ends or both.
func (c *conformance) extras(t testing.TB, k, v string, o *kv.Offset, e kv.Ends, opt Options) *Context {
	t.Helper()
	key := choice(k)
	key.Offset = o
	plan, err := kv.NewPlan(c.model.KVLayers(), kv.Policy{K: key, V: choice(v), Ends: e})
	if err != nil {
		t.Fatal(err)
	}
	opt.Plan, opt.Size = plan, max(opt.Size, 256)
	x, err := c.model.NewContext(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

// exactEnds are ends in f32, with which a cache of f32 must compute what it does without.
var exactEnds = kv.Ends{First: 3, Last: 10, Type: testType("f32")}

// TestExtrasChangeNothing runs every architecture with an f32 cache that has a key offset, exact
// ends and both, by prompt and token by token. All kinds of RoPE, norms, windows, soft caps, sinks
// and shared caches are among them. The other logits are those of a cache without, so that the
// bound is that of f32 rounding.
func TestExtrasChangeNothing(t *testing.T) {
	for _, name := range caseNames(t) {
		if name != "w_q4_k" && len(name) > 2 && name[:2] == "w_" {
			continue // the cases of weight types differ in nothing else
		}
		t.Run(name, func(t *testing.T) {
			c := readCase(t, name)
			x, err := c.context(t, "f32", "f32", Options{Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			want := prefill(t, x, c.Tokens, 0)
			o := someOffset(c.model)
			for what, y := range map[string]*Context{
				"offset": c.extras(t, "f32", "f32", o, kv.Ends{}, Options{Threads: 2}),
				"ends":   c.extras(t, "f32", "f32", nil, exactEnds, Options{Threads: 1}),
				"both":   c.extras(t, "f32", "f32", o, exactEnds, Options{Threads: 2, Batch: 50}),
			} {
				for path, got := range map[string][][]float32{"prefill": prefill(t, y, c.Tokens, 0), "decode": decode(t, y, c.Tokens, 0)} {
					if m, r := differ(got, want); !(m <= 2e-3 && r <= 1e-4) {
						t.Errorf("%s, %s: max %.2g, rms %.2g", what, path, m, r)
					}
				}
			}
		})
	}
}

// TestOffsetMistakes plants what could go wrong with the score of an offset: left out, of the wrong
// sign, rotated the wrong way. Each must move the logits far beyond what TestExtrasChangeNothing
// allows.
func TestOffsetMistakes(t *testing.T) {
	for _, name := range []string{"llama_hd64", "qwen2_hd64", "gemma3"} {
		c := readCase(t, name)
		x, err := c.context(t, "f32", "f32", Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		want := prefill(t, x, c.Tokens, 0)
		form := func(a *program.AttentionStep) *program.RopeForm { return c.model.program.Ropes[a.Rope] }
		for what, spoil := range map[string]func(a *program.AttentionStep) *attention.Rope{
			"left out": func(a *program.AttentionStep) *attention.Rope {
				return attention.NewRope(kernels.Default(), a.KeyDim, form(a).Short, form(a).Kind == program.Adjacent, 0, 256)
			},
			"wrong sign": func(a *program.AttentionStep) *attention.Rope {
				return attention.NewRope(kernels.Default(), a.KeyDim, form(a).Short, form(a).Kind == program.Adjacent, -1, 256)
			},
			"wrong pairs": func(a *program.AttentionStep) *attention.Rope {
				return attention.NewRope(kernels.Default(), a.KeyDim, form(a).Short, form(a).Kind != program.Adjacent, 1, 256)
			},
			"not rotated": func(a *program.AttentionStep) *attention.Rope {
				return attention.NewRope(kernels.Default(), a.KeyDim, nil, false, 1, 256)
			},
		} {
			y := c.extras(t, "f32", "f32", someOffset(c.model), kv.Ends{}, Options{Threads: 2})
			offsets := y.stages[0].rows.(*engine.Rows).Offsets
			for i := range offsets {
				offsets[i].Rope = spoil(c.model.program.Attention[i])
			}
			if m, r := differ(prefill(t, y, c.Tokens, 0), want); m <= .05 || r <= 5e-3 {
				t.Errorf("%s: an offset's score %s moves logits by %.2g only, rms %.2g", name, what, m, r)
			}
		}
	}
}

// TestEndsByPromptAndToken runs quantised caches with exact ends as a prompt, in batches, and token
// by token. In a model of one layer all see the same rows, so that no more than the order of sums
// may differ.
func TestEndsByPromptAndToken(t *testing.T) {
	c := readCase(t, "llama_bf16")
	if c.model.Layers != 1 {
		t.Fatal("this test needs a model of one layer")
	}
	for _, typ := range []string{"q4_0", "turbo3", "lm3_32", "q8_0"} {
		x := c.extras(t, typ, typ, someOffset(c.model), kv.Ends{First: 4, Last: 16}, Options{Threads: 2})
		want := decode(t, x, c.Tokens, 0)
		for _, batch := range []int{96, 7, 32} {
			y := c.extras(t, typ, typ, someOffset(c.model), kv.Ends{First: 4, Last: 16}, Options{Threads: 2, Batch: batch})
			if m, _ := differ(prefill(t, y, c.Tokens, 0), want); !(m <= 1e-4) {
				t.Errorf("%s: batches of %d and single tokens differ by %.2g", typ, batch, m)
			}
		}
		plain := c.extras(t, typ, typ, someOffset(c.model), kv.Ends{}, Options{Threads: 2})
		if m, _ := differ(prefill(t, plain, c.Tokens, 0), want); m < 1e-3 {
			t.Errorf("%s: exact ends move logits by %.2g only: nothing was kept exact", typ, m)
		}
	}
}

// TestHalfEnds stores f16 rows in both segments. In the first layer the rows are the same bits as
// without ends. But the sums are cut elsewhere, and what differs by one bit may round to another
// f16 in the layers above.
func TestHalfEnds(t *testing.T) {
	for _, name := range []string{"llama_hd64", "gemma3"} {
		c := readCase(t, name)
		x, err := c.context(t, "f16", "f16", Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		y := c.extras(t, "f16", "f16", nil, kv.Ends{First: 4, Last: 16}, Options{Threads: 2})
		if m, _ := differ(prefill(t, y, c.Tokens, 0), prefill(t, x, c.Tokens, 0)); !(m <= 5e-3) {
			t.Errorf("%s: differs by %.2g", name, m)
		}
		// The first layer's input is the same bits, so its rows must be.
		a, b := x.Cache.Rows(0).Segments()[0], y.Cache.Rows(0).Segments()
		for _, s := range b {
			for cell, p := range s.K.Cells.Pos() {
				if p < 0 {
					continue
				}
				at := slices.Index(a.K.Cells.Pos(), p)
				for h := range a.K.Heads {
					n := a.K.RowBytes
					if !bytes.Equal(s.K.Head(h)[cell*n:][:n], a.K.Head(h)[at*n:][:n]) || !bytes.Equal(s.V.Head(h)[cell*n:][:n], a.V.Head(h)[at*n:][:n]) {
						t.Fatalf("%s: position %d is stored as other bits", name, p)
					}
				}
			}
		}
	}
}

// TestExtrasShift is TestShift with an offset and exact ends.
func TestExtrasShift(t *testing.T) {
	c := readCase(t, "llama_bf16")
	for _, keep := range []int{4, 0} {
		const discard = 20
		kept := slices.Concat(c.Tokens[:keep], c.Tokens[keep+discard:])
		x := c.extras(t, "f32", "f32", someOffset(c.model), exactEnds, Options{Threads: 2})
		fresh := prefill(t, x, kept, len(kept)-1)[0]
		prefill(t, x, c.Tokens[:len(c.Tokens)-1], 0)
		if err := x.Shift(keep, discard); err != nil {
			t.Fatal(err)
		}
		got, err := x.Decode(kept[len(kept)-1])
		if err != nil {
			t.Fatal(err)
		}
		if m, _ := differ([][]float32{got}, [][]float32{fresh}); !(m <= 1e-4) {
			t.Errorf("keep %d: a shifted context differs from a fresh one by %.2g", keep, m)
		}
	}
}

// TestExtrasSaveTruncate saves, restores and goes back, with sliding windows and without.
func TestExtrasSaveTruncate(t *testing.T) {
	for _, name := range []string{"llama_hd64", "gemma3"} {
		c := readCase(t, name)
		o := someOffset(c.model)
		a := c.extras(t, "q4_0", "q8_0", o, kv.Ends{First: 2, Last: 12}, Options{Threads: 2, Batch: 32})
		b := c.extras(t, "q4_0", "q8_0", o, kv.Ends{First: 2, Last: 12}, Options{Threads: 1, Batch: 32})
		if _, err := a.Prefill(c.Tokens); err != nil {
			t.Fatal(err)
		}
		var saved bytes.Buffer
		if err := a.Save(&saved); err != nil {
			t.Fatal(err)
		}
		if err := b.Restore(&saved); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			want, err := a.Decode(int32(i))
			if err != nil {
				t.Fatal(err)
			}
			want = slices.Clone(want)
			if got, err := b.Decode(int32(i)); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%s: a restored context goes on differently (%v)", name, err)
			}
		}
		// A visitor's error takes back rows of every segment, of which those that were packed stay
		// so; with f32 that is no difference.
		x := c.extras(t, "f32", "f32", o, exactEnds, Options{Threads: 2, Batch: 32})
		want := prefill(t, x, c.Tokens, len(c.Tokens)-1)
		x.Clear()
		if _, err := x.Prefill(c.Tokens[:60]); err != nil {
			t.Fatal(err)
		}
		stop := errors.New("stop")
		if err := x.Eval(c.Tokens[60:90], 0, func(int, []float32) error { return stop }); err != stop || x.Len() != 60 {
			t.Fatalf("%v, %d positions", err, x.Len())
		}
		got, err := x.Prefill(c.Tokens[60:])
		if err != nil {
			t.Fatal(err)
		}
		if m, _ := differ([][]float32{got}, want); !(m <= 1e-3) {
			t.Errorf("%s: after going back it differs by %.2g", name, m)
		}
	}
}

// TestExtrasThreads gives the same bits with any number of threads.
func TestExtrasThreads(t *testing.T) {
	for _, name := range []string{"llama_hd128", "gemma3"} {
		c := readCase(t, name)
		var first [][]float32
		for _, threads := range []int{1, 2, 3} {
			x := c.extras(t, "q8_0", "turbo4", someOffset(c.model), kv.Ends{First: 4, Last: 16}, Options{Threads: threads, Math: Fast})
			got := append(prefill(t, x, c.Tokens, 90), decode(t, x, c.Tokens[:40], 36)...)
			if first == nil {
				first = got
			}
			for i := range got {
				if !slices.Equal(got[i], first[i]) {
					t.Fatalf("%s: row %d differs between 1 and %d threads", name, i, threads)
				}
			}
		}
	}
}

// TestExtrasNoAllocation packs rows on the way, which leave the exact ones every 8 tokens.
func TestExtrasNoAllocation(t *testing.T) {
	for _, name := range []string{"llama_hd128", "gemma3"} {
		c := readCase(t, name)
		x := c.extras(t, "q8_0", "turbo4", someOffset(c.model), kv.Ends{First: 4, Last: 16}, Options{Threads: 1, Math: Fast})
		step := func() {
			for range 9 {
				if _, err := x.Decode(5); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 4 {
			step()
		}
		if a := testing.AllocsPerRun(3, step); a != 0 {
			t.Errorf("%s: %v allocations per 9 tokens", name, a)
		}
	}
}
