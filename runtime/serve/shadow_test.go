package serve

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// shadowed is a scheduler with a cache of a type, whose texts are replayed against f16.
func (f family) shadowed(t *testing.T, typ string, o ShadowOptions) (*Scheduler, *Shadow) {
	t.Helper()
	choice := kv.Choice{Type: kernels.Default().ByName(typ)}
	s := f.scheduler(t, kv.Policy{K: choice, V: choice}, 2, Options{Queue: 32})
	reference, err := kv.NewPlan(f.m.KVLayers(), policies()["f16"])
	if err != nil {
		t.Fatal(err)
	}
	if s.o.Shadow, err = NewShadow(s.c, reference, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.o.Shadow.Close)
	return s, s.o.Shadow
}

// replayAll works until nothing is to be replayed.
func replayAll(t *testing.T, s *Shadow, stop func() error) {
	t.Helper()
	for tries := 0; s.work(stop); tries++ {
		if tries > 10000 {
			t.Fatal("a replay never ends")
		}
	}
}

func never() error { return nil }

// rowsOf is the logits that a cache gives on tokens from number from on.
func (f family) rowsOf(t *testing.T, typ string, tokens []int32, from int) (rows [][]float32) {
	t.Helper()
	choice := kv.Choice{Type: kernels.Default().ByName(typ)}
	plan, err := kv.NewPlan(f.m.KVLayers(), kv.Policy{K: choice, V: choice})
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.m.NewContext(model.Options{Plan: plan, Size: 160, Batch: 64, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Eval(tokens, from, func(_ int, logits []float32) error {
		rows = append(rows, slices.Clone(logits))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestDrift: the numbers of shadow mode are those that the two caches give on the same tokens.
func TestDrift(t *testing.T) {
	f := openFamily(t, "llama_hd64")
	for _, typ := range []string{"f16", "q4_0"} {
		s, shadow := f.shadowed(t, typ, ShadowOptions{Share: 1, Size: 160})
		prompt := f.tokens[:70]
		r := must(t, s, submit(t, s, Request{Tokens: prompt, Options: generate.Options{Limit: 20, IgnoreEnd: true}}))
		replayAll(t, shadow, never)
		got := shadow.Drift()
		all := slices.Concat(prompt, r.Tokens)
		ref, used := f.rowsOf(t, "f16", all[:len(all)-1], len(prompt)-1), f.rowsOf(t, typ, all[:len(all)-1], len(prompt)-1)
		sum, most, same := 0., 0., 0
		for i := range ref {
			p := eval.Compare(ref[i], used[i], all[len(prompt)+i])
			if sum, most = sum+p.KLD, max(most, p.KLD); p.SameTop {
				same++
			}
		}
		if got.Texts != 1 || got.Tokens != 20 || got.SameTop != uint64(same) || got.Skipped != 0 || got.Pending != 0 {
			t.Errorf("%s: %+v, want %d of 20 the same", typ, got, same)
		}
		if math.Abs(got.KLD-sum) > 1e-9+1e-6*sum || math.Abs(got.KLDMax-most) > 1e-9+1e-6*most {
			t.Errorf("%s: KLD %v, at most %v; want %v, %v", typ, got.KLD, got.KLDMax, sum, most)
		}
		if typ == "f16" && got.KLD != 0 || typ != "f16" && got.KLD < 1e-6 {
			t.Errorf("%s: KLD %v", typ, got.KLD)
		}
		n := uint64(0)
		for _, b := range got.Buckets {
			n += b
		}
		if last := got.Last; n != 20 || len(last) != 1 || last[0].Tokens != 20 || math.Abs(last[0].Mean-got.KLD/20) > 1e-12 || last[0].Max != got.KLDMax || last[0].SameTop != same {
			t.Errorf("%s: %+v", typ, got)
		}
	}
}

// TestShadowGivesWay: a replay that is interrupted in any layer goes on and comes to the same
// numbers, also of a cache that cannot go back.
func TestShadowGivesWay(t *testing.T) {
	for _, name := range []string{"llama_hd64", "qwen35", "gemma3"} {
		f := openFamily(t, name)
		var want Drift
		for round, every := range []int{0, 7} {
			s, shadow := f.shadowed(t, "q4_0", ShadowOptions{Share: 1, Size: 160})
			must(t, s, submit(t, s, Request{Tokens: f.tokens[:90], Options: generate.Options{Limit: 20, IgnoreEnd: true}}))
			asked, busy := 0, false
			replayAll(t, shadow, func() error {
				if asked++; every > 0 && asked%every == 0 && asked < 100 {
					busy = !busy
				}
				if busy {
					return errGiveWay
				}
				return nil
			})
			got := shadow.Drift()
			if round == 0 {
				want = got
			} else if asked < 20 || got.Texts != 1 || got.KLD != want.KLD || got.SameTop != want.SameTop {
				t.Errorf("%s, interrupted: %+v, want %+v, asked %d times", name, got, want, asked)
			}
		}
	}
}

// TestShadowAndTexts: replays while texts come change nothing of the texts, and a text that comes
// does not wait for a replay.
func TestShadowAndTexts(t *testing.T) {
	f := openFamily(t, "llama_hd64")
	s, shadow := f.shadowed(t, "q8_0", ShadowOptions{Share: 1, Size: 160})
	own := f.scheduler(t, policies()["q8_0"], 2, Options{})
	var requests []Request
	var want [][]int32
	for i := range 12 {
		r := Request{Tokens: f.tokens[i : i+60], Options: generate.Options{Limit: 5, IgnoreEnd: true}}
		requests, want = append(requests, r), append(want, must(t, own, submit(t, own, r)).Tokens)
	}
	for i, r := range serve(t, s, requests...) {
		if !slices.Equal(r.Tokens, want[i]) {
			t.Errorf("text %d: %v, alone %v", i, r.Tokens, want[i])
		}
	}
	if d := shadow.Drift(); int(d.Texts+d.Skipped)+d.Pending != 12 {
		t.Errorf("%+v", d)
	}
	_, err := s.Submit(t.Context(), requests[0])
	if !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}

// TestShadowLimits: what is too long, or too much, is skipped and counted; a share is a share.
func TestShadowLimits(t *testing.T) {
	f := openFamily(t, "llama_hd64")
	s, shadow := f.shadowed(t, "q8_0", ShadowOptions{Share: 1, Size: 20})
	ask := func(n int) {
		must(t, s, submit(t, s, Request{Tokens: f.tokens[:n], Options: generate.Options{Limit: 4, IgnoreEnd: true}}))
	}
	ask(18)
	if d := shadow.Drift(); d.Skipped != 1 || d.Pending != 0 {
		t.Errorf("a text of 22 tokens for a limit of 20: %+v", d)
	}
	for range shadowPending + 3 {
		ask(8)
	}
	if d := shadow.Drift(); d.Skipped != 4 || d.Pending != shadowPending {
		t.Errorf("%d texts at once: %+v", shadowPending+3, d)
	}
	s, shadow = f.shadowed(t, "q8_0", ShadowOptions{Share: .25, Size: 40})
	for range 200 {
		ask(8)
		replayAll(t, shadow, never)
	}
	if d := shadow.Drift(); d.Texts < 30 || d.Texts > 70 || len(d.Last) > shadowLast {
		t.Errorf("a quarter of 200 texts: %d", d.Texts)
	}
	for says, o := range map[string]ShadowOptions{"share": {Share: 1.5, Size: 9}, "the share": {Share: math.NaN(), Size: 9}, "2 positions": {Share: 1}} {
		if _, err := NewShadow(s.c, s.c.Cache.Plan, o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
