package model

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
)

// stream is the tokens of one sequence and the logits they gave.
type stream struct {
	seq    int
	tokens []int32
	done   int
	rows   [][]float32
}

// next is the next n tokens.
func (s *stream) next(n int) (all []Token) {
	for _, id := range s.tokens[s.done:min(s.done+n, len(s.tokens))] {
		all = append(all, Token{Seq: s.seq, ID: id})
	}
	return all
}

// weave runs tokens of streams in one batch, one of each in turns, and keeps their logits.
func weave(t *testing.T, x *Context, streams []*stream, counts ...int) {
	t.Helper()
	var all []Token
	var of []*stream
	for i := 0; ; i++ {
		some := false
		for k, s := range streams {
			if more := s.next(counts[k]); i < len(more) {
				all, of, some = append(all, more[i]), append(of, s), true
			}
		}
		if !some {
			break
		}
	}
	seen := 0
	err := x.EvalBatch(all, func(i int, l []float32) error {
		of[i].rows = append(of[i].rows, slices.Clone(l))
		of[i].done++
		seen++
		return nil
	})
	if err != nil || seen != len(all) {
		t.Fatalf("%d of %d tokens: %v", seen, len(all), err)
	}
}

// several makes a context of sequences like x.
func several(t *testing.T, c *conformance, x *Context, o Options) *Context {
	t.Helper()
	o.Plan, o.Size, o.Math = x.Cache.Plan, x.Cache.Size, x.Math
	y, err := c.model.NewContext(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(y.Close)
	return y
}

// shifted is the logits of tokens from number keep on in a context of its own that is shifted after
// the first at tokens.
func shifted(t *testing.T, x *Context, tokens []int32, at, keep, discard int) [][]float32 {
	t.Helper()
	x.Clear()
	if _, err := x.Prefill(tokens[:at]); err != nil {
		t.Fatal(err)
	}
	if err := x.Shift(keep, discard); err != nil {
		t.Fatal(err)
	}
	var rows [][]float32
	for _, id := range tokens[at:] {
		l, err := x.Decode(id)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, slices.Clone(l))
	}
	return rows
}

// TestSequencesAreAlone mixes sequences in batches: two with their own tokens, one that shares the
// beginning of another, one that takes the cells of a sequence that was removed; one is shifted.
// Each must give the logits of a context of its own. What differs is the order of sums and, in
// caches with few bits, a value here and there that is rounded to the other side; that must be far
// below what the cache itself changes.
func TestSequencesAreAlone(t *testing.T) {
	caches := []struct {
		k, v   string
		ends   kv.Ends
		offset bool
		share  float64 // of the cache's own error; 0 for a bound of f32
		math   Math
	}{
		{"f32", "f32", kv.Ends{}, false, 0, Exact}, {"f32", "f32", exactEnds, true, 0, Exact},
		{"f16", "f16", kv.Ends{}, false, .2, Exact}, {"q8_0", "q4_0", kv.Ends{First: 3, Last: 10}, true, .1, Exact},
		{"q8_0+attn", "turbo4", kv.Ends{}, false, .1, Exact}, {"q8_0", "q8_0", kv.Ends{}, false, .3, Fast},
	}
	for _, name := range caseNames(t) {
		if name != "w_q4_k" && strings.HasPrefix(name, "w_") {
			continue // the cases of weight types differ in nothing else
		}
		c := readCase(t, name)
		o := someOffset(c.model)
		for _, cache := range caches {
			if cache.math == Fast && !slices.Contains([]string{"w_q4_k", "gemma3", "gptoss_mxfp4", "qwen35moe"}, name) {
				continue
			}
			key := choice(cache.k)
			if cache.offset {
				key.Offset = o
			}
			plan, err := kv.NewPlan(c.model.KVLayers(), kv.Policy{K: key, V: choice(cache.v), Ends: cache.ends})
			if err != nil {
				continue // types that do not fit the heads are TestPlan's
			}
			alone, err := c.model.NewContext(Options{Plan: plan, Size: 128, Threads: 2, Math: cache.math})
			if err != nil {
				t.Fatal(err)
			}
			exact := c.extras(t, "f32", "f32", nil, kv.Ends{}, Options{Threads: 2})
			bound := bounds{cache.share, 1e-4, 2e-5}
			sequencesAreAlone(t, c, Options{Threads: 2}, alone, exact, bound, name+" "+cache.k+" "+cache.v)
			alone.Close()
		}
	}
}

// bounds is what sequences may differ by from contexts of their own.
type bounds struct{ share, most, rms float64 } // share of the cache's own error, 0 for the others

func sequencesAreAlone(t *testing.T, c *conformance, o Options, alone, exact *Context, bound bounds, what string) {
	o.Sequences, o.Cells, o.Batch = 4, 175, 48
	x := several(t, c, alone, o)
	first, second := c.Tokens[:70], c.Tokens[20:90]
	third := slices.Concat(c.Tokens[:25], c.Tokens[50:90])
	again := c.Tokens[40:96]
	a, b, d, e := &stream{seq: 0, tokens: first}, &stream{seq: 3, tokens: second}, &stream{seq: 1, tokens: third}, &stream{seq: 3, tokens: again}
	weave(t, x, []*stream{a, b}, 25, 10)
	if err := x.CopySeq(0, 1); err != nil {
		t.Fatal(err)
	}
	d.done, d.rows = 25, a.rows[:25:25]
	for range 30 {
		weave(t, x, []*stream{a, b, d}, 1, 1, 1)
	}
	var saved bytes.Buffer
	if err := x.Save(&saved); err != nil {
		t.Fatal(err)
	}
	if err := x.RemoveSeq(3); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		weave(t, x, []*stream{a, e, d}, 1, 11, 1)
	}
	// What was saved goes on as it would have.
	y := several(t, c, x, Options{Threads: 1, Sequences: 5, Cells: 200, Batch: 48, Placements: o.Placements})
	if err := y.Restore(&saved); err != nil {
		t.Fatal(err)
	}
	a2, b2 := &stream{seq: 0, tokens: first, done: 55}, &stream{seq: 3, tokens: second, done: 40}
	d2 := &stream{seq: 1, tokens: third, done: 55}
	for range 5 {
		weave(t, y, []*stream{a2, b2, d2}, 1, 1, 1)
	}
	const keep, discard = 4, 30
	canShift := c.model.Fixed() == nil
	if canShift {
		if err := x.ShiftSeq(1, keep, discard); err != nil {
			t.Fatal(err)
		}
	}
	plain := len(d.rows)
	for range 5 {
		weave(t, x, []*stream{a, d}, 1, 1)
	}
	for _, s := range []struct {
		name string
		got  [][]float32
		want func(*Context) [][]float32
	}{
		{"the first", a.rows, func(x *Context) [][]float32 { return prefill(t, x, first[:len(a.rows)], 0) }},
		{"the second", b.rows, func(x *Context) [][]float32 { return prefill(t, x, second[:len(b.rows)], 0) }},
		{"a shared beginning", d.rows[:plain], func(x *Context) [][]float32 { return prefill(t, x, third[:plain], 0) }},
		{"cells used again", e.rows, func(x *Context) [][]float32 { return prefill(t, x, again[:len(e.rows)], 0) }},
		{"restored", a2.rows, func(x *Context) [][]float32 { return prefill(t, x, first[:60], 55) }},
		{"restored, the second", b2.rows, func(x *Context) [][]float32 { return prefill(t, x, second[:45], 40) }},
		{"restored, shared", d2.rows, func(x *Context) [][]float32 { return prefill(t, x, third[:60], 55) }},
		{"shifted", d.rows[plain:], func(x *Context) [][]float32 {
			if !canShift {
				return prefill(t, x, third[:len(d.rows)], plain)
			}
			return shifted(t, x, third[:len(d.rows)], plain, keep, discard)
		}},
	} {
		want := s.want(alone)
		if len(want) != len(s.got) {
			t.Fatalf("%s, %s: %d rows, want %d", what, s.name, len(s.got), len(want))
		}
		most, rms := differ(s.got, want)
		_, own := differ(want, s.want(exact))
		t.Logf("%s, %s: max %.2g, rms %.2g, the cache's own %.2g", what, s.name, most, rms, own)
		if bound.share == 0 && !(most <= bound.most && rms <= bound.rms) || bound.share > 0 && !(rms <= bound.share*own) {
			t.Errorf("%s, %s: max %.2g, rms %.2g, the cache's own %.2g", what, s.name, most, rms, own)
		}
	}
}

// TestEvalBatchErrors leaves every sequence as it was.
func TestEvalBatchErrors(t *testing.T) {
	c := readCase(t, "llama_hd64")
	alone, err := c.context(t, "f16", "f16", Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := several(t, c, alone, Options{Sequences: 3, Cells: 300, Batch: 8, Threads: 1})
	batch := func(seq, n int) (all []Token) {
		for i := range n {
			all = append(all, Token{Seq: seq, ID: c.Tokens[i%96], NoLogits: i < n-1})
		}
		return all
	}
	none := func(int, []float32) error { return nil }
	if err := x.EvalBatch(slices.Concat(batch(0, 10), batch(2, 4)), none); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	for what, c := range map[string]struct {
		tokens []Token
		visit  func(int, []float32) error
		want   string
	}{
		"no such sequence":  {batch(3, 1), none, "token 0 is of sequence 3: the context has 3"},
		"negative sequence": {batch(-1, 1), none, "of sequence -1"},
		"unknown token":     {[]Token{{ID: 1}, {ID: 1 << 20}}, none, "token 1 is 1048576"},
		"too many":          {batch(2, 253), none, "sequence 2: 253 tokens after 4 positions do not fit the context of 256"},
		"no cells":          {slices.Concat(batch(1, 200), batch(0, 100)), none, "the cache of 300 cells for 3 sequences is full"},
		"visit":             {slices.Concat(batch(1, 20), batch(0, 20)), func(i int, _ []float32) error { return stop }, "stop"},
	} {
		if err := x.EvalBatch(c.tokens, c.visit); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", what, err)
		}
		if a, b, d := x.LenSeq(0), x.LenSeq(1), x.LenSeq(2); a != 10 || b != 0 || d != 4 {
			t.Fatalf("%s: sequences of %d, %d and %d positions are left", what, a, b, d)
		}
	}
	if n := x.Cache.InUse(); n != 14 {
		t.Errorf("%d cells in use for 14 positions", n)
	}
	x.KeepSeq(2)
	if x.LenSeq(0) != 0 || x.LenSeq(2) != 4 || x.LenSeq(7) != 0 {
		t.Error("kept another sequence")
	}
}

// TestStop ends a run between two layers, after which the context is as it was.
func TestStop(t *testing.T) {
	c := readCase(t, "llama_hd64")
	x, err := c.context(t, "f16", "f16", Options{Batch: 16})
	if err != nil {
		t.Fatal(err)
	}
	want := prefill(t, x, c.Tokens[:50], 49)[0]
	prefill(t, x, c.Tokens[:49], 48)
	asked, stop := 0, errors.New("stop")
	x.Stop = func() error {
		if asked++; asked == c.model.Layers+2 { // in the second batch
			return stop
		}
		return nil
	}
	if _, err := x.Prefill(c.Tokens[49:90]); err != stop || x.Len() != 49 || asked != c.model.Layers+2 {
		t.Fatalf("error %v after %d questions, %d positions", err, asked, x.Len())
	}
	x.Stop = nil
	if got, err := x.Decode(c.Tokens[49]); err != nil || !slices.Equal(got, want) {
		m, _ := differ([][]float32{got}, [][]float32{want})
		if m > 1e-3 {
			t.Errorf("after a run that was ended: %v, differs by %.2g", err, m)
		}
	}
}
