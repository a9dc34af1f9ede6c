package model

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
)

// TestSameBitsForAnyThreads runs prompt and decode with several numbers of threads.
func TestSameBitsForAnyThreads(t *testing.T) {
	for _, name := range []string{"llama_hd128", "w_q4_k", "gemma3", "qwen3moe", "gptoss_mxfp4", "gemma4_e2b", "gemma4_a4b", "qwen35moe"} {
		for _, math := range []Math{Exact, Fast} {
			c := readCase(t, name)
			var first [][]float32
			for _, threads := range []int{1, 2, 3, 5} {
				x, err := c.context(t, "q8_0", "turbo4", Options{Threads: threads, Math: math})
				if err != nil {
					t.Fatal(err)
				}
				got := append(prefill(t, x, c.Tokens, 90), decode(t, x, c.Tokens, 90)...)
				if first == nil {
					first = got
				}
				for i := range got {
					if !slices.Equal(got[i], first[i]) {
						t.Fatalf("%s, %v: row %d differs between 1 and %d threads", name, math, i, threads)
					}
				}
			}
		}
	}
}

// TestBatches runs the prompt in batches of several sizes, which may differ in the last bits only.
func TestBatches(t *testing.T) {
	for _, name := range []string{"llama_hd64", "gemma3", "w_tq3_1s", "mixtral", "qwen3moe", "gptoss", "gemma4_e2b", "gemma4_a4b", "qwen35moe"} {
		c := readCase(t, name)
		var first [][]float32
		for _, batch := range []int{96, 1, 7, 32} {
			x, err := c.context(t, "f32", "f32", Options{Threads: 2, Batch: batch})
			if err != nil {
				t.Fatal(err)
			}
			got := prefill(t, x, c.Tokens, 0)
			if first == nil {
				first = got
			}
			if m, _ := differ(got, first); !(m <= 5e-5) {
				t.Errorf("%s: batches of %d differ by %.2g", name, batch, m)
			}
		}
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	// One thread: counting allocations leaves Go one core, for which two workers would wait in
	// turns.
	for _, name := range []string{"llama_hd64", "w_q4_k", "w_tq4_1s", "gemma3", "qwen3moe", "mistral3", "phi3", "gpt2", "gptoss_mxfp4", "gemma4_e2b", "gemma4_a4b", "qwen35moe"} {
		c := readCase(t, name)
		for _, k := range []string{"f16", "q8_0", "turbo3"} {
			x, err := c.context(t, k, k, Options{Threads: 1, Math: Fast})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := x.Prefill(c.Tokens[:40]); err != nil {
				t.Fatal(err)
			}
			step := func() {
				if _, err := x.Decode(5); err != nil {
					t.Fatal(err)
				}
			}
			step()
			// testing.AllocsPerRun would count on one processor, where workers that wait for each
			// other take a time slice each.
			const tokens = 20
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range tokens {
				step()
			}
			runtime.ReadMemStats(&after)
			if a := (after.Mallocs - before.Mallocs) / tokens; a != 0 {
				t.Errorf("%s, %s cache: %v allocations per token", name, k, a)
			}
		}
	}
}

// TestShift drops the middle of a context. In a model of one layer keys and values depend on their
// own token and position alone, so a shifted context must give what a fresh one without those
// tokens gives, but for the type's rounding.
func TestShift(t *testing.T) {
	c := readCase(t, "llama_bf16")
	if c.model.Layers != 1 {
		t.Fatal("this test needs a model of one layer")
	}
	const keep, discard = 4, 20
	kept := slices.Concat(c.Tokens[:keep], c.Tokens[keep+discard:])
	for _, cache := range []struct {
		name string
		most float64
	}{{"f32", 2e-5}, {"f16", 1e-2}, {"q8_0", .1}, {"turbo4", 1.5}, {"lm6_32", .4}} {
		x, err := c.context(t, cache.name, cache.name, Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		fresh := prefill(t, x, kept, len(kept)-1)[0]
		prefill(t, x, c.Tokens[:len(c.Tokens)-1], 0)
		if err := x.Shift(keep, discard); err != nil {
			t.Fatal(err)
		}
		if x.Len() != len(kept)-1 {
			t.Fatalf("%d positions after the shift, want %d", x.Len(), len(kept)-1)
		}
		got, err := x.Decode(kept[len(kept)-1])
		if err != nil {
			t.Fatal(err)
		}
		if m, _ := differ([][]float32{got}, [][]float32{fresh}); !(m <= cache.most) {
			t.Errorf("%s: a shifted context differs from a fresh one by %.2g, allowed %.2g", cache.name, m, cache.most)
		}
		// A shift that forgot to turn the keys would not be noticed by a tolerance that is too
		// wide.
		prefill(t, x, c.Tokens[:len(c.Tokens)-1], 0)
		if err := x.Cache.Shift(keep, discard, func(int, []float32, int) {}); err != nil {
			t.Fatal(err)
		}
		unturned, err := x.Decode(kept[len(kept)-1])
		if err != nil {
			t.Fatal(err)
		}
		if m, _ := differ([][]float32{unturned}, [][]float32{fresh}); m <= cache.most {
			t.Errorf("%s: keys left unturned differ by %.2g only", cache.name, m)
		}
	}
}

func TestSaveRestore(t *testing.T) {
	for _, name := range []string{"llama_hd64", "gemma3", "gptoss", "gemma4_e2b", "gemma4_a4b", "qwen35", "qwen35moe"} {
		c := readCase(t, name)
		a, err := c.context(t, "turbo3", "q8_0", Options{Threads: 2, Batch: 32})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Prefill(c.Tokens); err != nil {
			t.Fatal(err)
		}
		var saved bytes.Buffer
		if err := a.Save(&saved); err != nil {
			t.Fatal(err)
		}
		b, err := c.context(t, "turbo3", "q8_0", Options{Threads: 1, Batch: 32})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Restore(&saved); err != nil {
			t.Fatal(err)
		}
		for _, tok := range []int32{5, 6, 7} {
			want, err := a.Decode(tok)
			if err != nil {
				t.Fatal(err)
			}
			want = slices.Clone(want)
			if got, err := b.Decode(tok); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%s: a restored context goes on differently (%v)", name, err)
			}
		}
	}
	c := readCase(t, "llama_hd64")
	x, err := c.context(t, "f16", "f16", Options{})
	if err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	if err := x.Save(&saved); err != nil {
		t.Fatal(err)
	}
	y, err := readCase(t, "llama_hd128").context(t, "f16", "f16", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := y.Restore(&saved); err == nil || !strings.Contains(err.Error(), "the model") {
		t.Errorf("the cache of another model: %v", err)
	}
}

// TestTruncateAndRerun goes back in a context, as a chat does when a turn is edited.
func TestTruncateAndRerun(t *testing.T) {
	c := readCase(t, "llama_hd64")
	x, err := c.context(t, "q8_0", "q8_0", Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := prefill(t, x, c.Tokens[:50], 49)[0]
	prefill(t, x, c.Tokens, 95)
	if err := x.Truncate(49); err != nil {
		t.Fatal(err)
	}
	got, err := x.Decode(c.Tokens[49])
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := differ([][]float32{got}, [][]float32{want}); !(m < 1e-4) {
		t.Errorf("differs by %.2g", m)
	}
}

func TestContextRefuses(t *testing.T) {
	c := readCase(t, "llama_hd64")
	x, err := c.context(t, "f16", "f16", Options{Size: 256})
	if err != nil {
		t.Fatal(err)
	}
	long := make([]int32, 257)
	for name, tokens := range map[string][]int32{"no tokens": {}, "unknown token": {1, 5000}, "negative token": {-1}, "too long": long} {
		if _, err := x.Prefill(tokens); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if x.Len() != 0 {
			t.Errorf("%s: %d positions left behind", name, x.Len())
		}
	}
	if _, err := c.model.NewContext(Options{Plan: &kv.Plan{}, Size: 8}); err == nil {
		t.Error("accepted a plan for no layers")
	}
}

func TestVisitErrorRestoresTheCache(t *testing.T) {
	c := readCase(t, "llama_hd64")
	x, err := c.context(t, "f16", "f16", Options{Batch: 8})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Prefill(c.Tokens[:10]); err != nil {
		t.Fatal(err)
	}
	err = x.Eval(c.Tokens[10:40], 0, func(i int, _ []float32) error {
		if i == 20 {
			return bytes.ErrTooLarge
		}
		return nil
	})
	if err != bytes.ErrTooLarge || x.Len() != 10 {
		t.Errorf("error %v, %d positions", err, x.Len())
	}
}

// TestYarn compares frequencies with the published formula at a few points.
func TestYarn(t *testing.T) {
	r := &Rope{Dims: 64, Base: 10000, Factor: 4, Original: 2048, Yarn: &Yarn{BetaFast: 32, BetaSlow: 1}}
	f := r.frequencies(nil)
	if f[0] != 1 {
		t.Errorf("the fastest pair was scaled to %v", f[0])
	}
	if want := math.Pow(10000, -62./64) / 4; math.Abs(f[31]-want) > 1e-12 {
		t.Errorf("the slowest pair turns by %v, want %v", f[31], want)
	}
	linear := (&Rope{Dims: 64, Base: 10000, Factor: 4}).frequencies(nil)
	if linear[0] != .25 {
		t.Errorf("linear scaling gives %v", linear[0])
	}
}

func TestMatrices(t *testing.T) {
	for name, want := range map[string]struct {
		typ          string
		count        int
		int8, turned bool
	}{
		"w_q8_0": {"q8_0", 8, true, false}, "llama_hd64": {"f16", 15, false, false}, "w_tq4_1s": {"tq4_1s", 8, true, true},
	} {
		all := readCase(t, name).model.Matrices()
		k := slices.IndexFunc(all, func(m Matrices) bool { return m.Type == want.typ })
		if k < 0 {
			t.Errorf("%s: no %s in %+v", name, want.typ, all)
			continue
		}
		m := all[k]
		if m.Count != want.count || (m.Int8 == m.Count) != want.int8 || (m.Transformed == m.Count) != want.turned || m.Bytes == 0 || m.ISA == "" {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// TestSibling runs two sequences of different plans in turns: each must give what it gives alone.
func TestSibling(t *testing.T) {
	c := readCase(t, "gemma3")
	alone := func(k string) []float32 {
		x, err := c.context(t, k, k, Options{Threads: 2, Batch: 16})
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(prefill(t, x, c.Tokens, len(c.Tokens)-1)[0])
	}
	wantF, wantQ := alone("f32"), alone("q8_0")
	x, err := c.context(t, "f32", "f32", Options{Threads: 2, Batch: 16})
	if err != nil {
		t.Fatal(err)
	}
	other, err := c.context(t, "q8_0", "q8_0", Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	y, err := x.Sibling(other.Cache.Plan)
	if err != nil {
		t.Fatal(err)
	}
	m := c.model
	hidden, logits := make([]float32, 3*m.Width), make([]float32, 3*m.Vocab)
	for lo := 0; lo < len(c.Tokens); lo += 7 {
		hi := min(lo+7, len(c.Tokens))
		for i, s := range []*Context{x, y} {
			rows := min(3, hi-lo)
			if err := s.Hidden(hidden, c.Tokens[lo:hi], hi-lo-rows); err != nil {
				t.Fatal(err)
			}
			if err := s.Logits(logits, hidden[:rows*m.Width]); err != nil {
				t.Fatal(err)
			}
			want := [][]float32{wantF, wantQ}[i]
			if hi == len(c.Tokens) {
				if d, _ := differ([][]float32{logits[(rows-1)*m.Vocab : rows*m.Vocab]}, [][]float32{want}); !(d <= 5e-5) {
					t.Errorf("context %d: the last logits differ by %.2g from those of a context alone", i, d)
				}
			}
		}
	}
	y.Close() // must leave the threads to x
	if _, err := x.Sibling(&kv.Plan{}); err == nil {
		t.Error("a plan of no layers was taken")
	}
	x.Clear()
	prefill(t, x, c.Tokens, 0)
}
