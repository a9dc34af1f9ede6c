package model

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// realModel names a file to run the tests on real text with as well, such as .ci/models brings.
const realModel = "KVRUN_MODEL"

// texts are models trained on text, with the tokens of one: the embedded model, and the file that
// realModel names.
func texts(t *testing.T) map[string]struct {
	*Model
	tokens []int32
} {
	all := map[string]struct {
		*Model
		tokens []int32
	}{}
	add := func(name string, m *Model, err error) {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		tok, err := tokenizer.New(m.File)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = struct {
			*Model
			tokens []int32
		}{m, tok.Encode(demo.Corpus()[:8000], true, false)}
	}
	m, err := Parse(demo.Model(), kernels.Default())
	add("embedded", m, err)
	if path := os.Getenv(realModel); path != "" {
		m, err := Open(path, kernels.Default())
		add(path, m, err)
	} else {
		t.Logf("%s names no model: the embedded one alone", realModel)
	}
	return all
}

// TestRealText continues a text after its beginning was run in several ways: in the same context
// after another text, which was taken back; in another sequence that shares the beginning; in a
// context that it was restored into; in one that was shifted. The logits must be those of a fresh
// context. Where the order of sums differs, a value may be rounded to the other side: that must be
// below what the cache's type changes. What a shift adds to a type's own error must be no larger
// than that error.
func TestRealText(t *testing.T) {
	const size, head, tail = 400, 160, 16
	for name, m := range texts(t) {
		text := m.tokens[:head+tail]
		other := slices.Concat(text[:head], m.tokens[600:600+80])
		var exact, exactShifted [][]float32
		for _, cache := range []struct {
			k, v  string
			ends  kv.Ends
			share float64 // of the type's error
		}{
			{"f32", "f32", kv.Ends{}, 0}, {"f16", "f16", kv.Ends{}, .5}, {"q8_0", "q8_0", kv.Ends{}, .5}, {"q8_0", "lm4_64", kv.Ends{First: 4, Last: 32}, .5},
			{"lm3_64", "lm3_64", kv.Ends{}, .5}, {"turbo4", "turbo4", kv.Ends{}, .5}, {"q4_0+attn", "q4_0+attn", kv.Ends{}, .5},
		} {
			plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: choice(cache.k), V: choice(cache.v), Ends: cache.ends})
			if err != nil {
				t.Fatal(err)
			}
			start := func() *Context {
				x, err := m.NewContext(Options{Plan: plan, Size: size, Threads: 2, Batch: 64, Sequences: 2, Cells: 600})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(x.Close)
				return x
			}
			x, y := start(), start()
			// rest is the logits of what follows the beginning, token by token.
			rest := func(x *Context, seq int, ids []int32) (rows [][]float32) {
				t.Helper()
				for _, id := range ids {
					err := x.EvalBatch([]Token{{Seq: seq, ID: id}}, func(_ int, l []float32) error {
						rows = append(rows, slices.Clone(l))
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				return rows
			}
			eval := func(x *Context, ids []int32) {
				t.Helper()
				if _, err := x.Prefill(ids); err != nil {
					t.Fatal(err)
				}
			}
			eval(x, text[:head])
			var saved bytes.Buffer
			if err := x.Save(&saved); err != nil {
				t.Fatal(err)
			}
			want := rest(x, 0, text[head:])
			if exact == nil {
				exact = want
			}
			_, own := differ(want, exact)
			same := func(what string, got [][]float32) {
				t.Helper()
				most, rms := differ(got, want)
				t.Logf("%s, %s/%s, %s: max %.2g, rms %.2g; the type's own %.2g", name, cache.k, cache.v, what, most, rms, own)
				if cache.share == 0 && !(most <= 2e-4) || cache.share > 0 && !(rms <= cache.share*own) {
					t.Errorf("%s, %s/%s, %s: max %.2g, rms %.2g; the type's own %.2g", name, cache.k, cache.v, what, most, rms, own)
				}
			}
			if err := y.Restore(&saved); err != nil {
				t.Fatal(err)
			}
			if got := rest(y, 0, text[head:]); !slices.EqualFunc(got, want, slices.Equal) {
				t.Errorf("%s, %s: a restored context goes on differently", name, cache.k)
			}
			y.Clear()
			eval(y, other)
			// as a conversation that is told otherwise
			if err := y.Truncate(head - 20); err != nil {
				t.Fatal(err)
			}
			eval(y, text[head-20:head])
			if cache.ends.Last == 0 { // rows that were packed stay so
				same("taken back", rest(y, 0, text[head:]))
			}
			y.Clear()
			eval(y, text[:head])
			if err := y.CopySeq(0, 1); err != nil {
				t.Fatal(err)
			}
			if n := y.Cache.InUse(); n != head {
				t.Errorf("%d cells hold two sequences of %d positions that are the same", n, head)
			}
			// Both go on in the same batches, the first with another text.
			var got [][]float32
			for i, id := range text[head:] {
				err := y.EvalBatch([]Token{{Seq: 1, ID: id}, {Seq: 0, ID: m.tokens[700+i], NoLogits: true}}, func(_ int, l []float32) error {
					got = append(got, slices.Clone(l))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			same("shared", got)
			// A shift, of the sequence that shares its beginning.
			y.Clear()
			eval(y, text[:head])
			if err := y.CopySeq(0, 1); err != nil {
				t.Fatal(err)
			}
			if err := y.ShiftSeq(1, 4, 80); err != nil {
				t.Fatal(err)
			}
			turned := rest(y, 1, text[head:])
			if exactShifted == nil {
				exactShifted = turned
			}
			if _, shifted := differ(turned, exactShifted); shifted > 2*own {
				t.Errorf("%s, %s/%s: shifted, it is %.2g from an exact one that is shifted; the type's own %.2g", name, cache.k, cache.v, shifted, own)
			}
			same("beside a shift", rest(y, 0, text[head:]))
			if moved, _ := differ(turned, want); moved < .01 {
				t.Errorf("%s: dropping 80 positions moved logits by %.2g only", name, moved)
			}
		}
	}
}
