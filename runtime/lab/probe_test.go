package lab

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// openDemo is the embedded model with its tokenizer.
func openDemo(t *testing.T) (*model.Model, *tokenizer.Tokenizer) {
	t.Helper()
	m, err := model.Parse(demo.Model(), kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	tok, err := tokenizer.New(m.File)
	if err != nil {
		t.Fatal(err)
	}
	return m, tok
}

func uniform(t *testing.T, m *model.Model, typ string) *kv.Plan {
	t.Helper()
	c := kv.Choice{Type: kernels.Default().ByName(typ)}
	plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: c, V: c})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestComplete holds greedy decoding against the argmax of logits computed from scratch, and
// against itself in other batches.
func TestComplete(t *testing.T) {
	m, tok := openDemo(t)
	prompts := [][]int32{tok.Encode("KING RICHARD III:\n", true, false), tok.Encode("It was", true, false)}
	plan := uniform(t, m, "f32")
	c := Completer{Model: m, Tokens: tok, Predict: 9, Options: model.Options{Threads: 2}}
	steps := 0
	got, err := c.Complete(context.Background(), plan, prompts, func() { steps++ })
	if err != nil || steps != 2 {
		t.Fatal(steps, err)
	}
	x, err := m.NewContext(model.Options{Plan: plan, Size: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for i, p := range prompts {
		all := slices.Clone(p)
		for n, id := range got[i].Tokens {
			x.Clear()
			logits, err := x.Prefill(all)
			if err != nil {
				t.Fatal(err)
			}
			best, second := topTwo(logits)
			if want := float64(logits[best] - logits[second]); id != best || math.Abs(got[i].margins[n]-want) > 1e-3 {
				t.Fatalf("prompt %d, token %d: %d by %v, want %d by %v", i, n, id, got[i].margins[n], best, want)
			}
			all = append(all, id)
		}
		if got[i].Stop == StopLimit && len(got[i].Tokens) != 9 {
			t.Errorf("prompt %d stopped after %d tokens", i, len(got[i].Tokens))
		}
	}
	c.Options.Batch = 3
	again, err := c.Complete(context.Background(), plan, prompts, func() {})
	if err != nil || !slices.Equal(again[0].Tokens, got[0].Tokens) {
		t.Errorf("in batches of 3: %v, %v; want %v", again[0].Tokens, err, got[0].Tokens)
	}
	done, stop := context.WithCancel(context.Background())
	stop()
	if _, err := c.Complete(done, plan, prompts, func() {}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run gave %v", err)
	}
	if _, err := c.Complete(context.Background(), plan, [][]int32{nil}, func() {}); err == nil {
		t.Error("an empty prompt was accepted")
	}
}

// made is a completion of a text; ends reports whether it ended by itself.
func made(tok *tokenizer.Tokenizer, text string, ends bool) Completion {
	c := Completion{Tokens: tok.Encode(text, false, false), Text: text, Stop: StopLimit}
	if ends {
		c.Tokens, c.Stop = append(c.Tokens, tok.EOG()[0]), StopEnd
	}
	for range c.Tokens {
		c.margins = append(c.margins, .5)
	}
	return c
}

func TestAgree(t *testing.T) {
	_, tok := openDemo(t)
	const text = "The king is come"
	n := len(tok.Encode(text, false, false))
	for _, c := range []struct {
		name      string
		ref, cand Completion
		first     int
		share     float64
		after     string
	}{
		{"the same", made(tok, text, true), made(tok, text, true), -1, 1, ""},
		{"nothing in common", made(tok, "A", false), made(tok, "B", false), 0, 0, "A"},
		// These two score 100 % where only the shorter length counts.
		{"stops early", made(tok, text+" and the", false), made(tok, text, false), n, float64(n) / float64(len(tok.Encode(text+" and the", false, false))), " and the"},
		{"ends where the reference goes on", made(tok, text+" and", false), made(tok, text, true), n, float64(n) / float64(n+1), " and"},
		{"goes on where the reference ends", made(tok, text, true), made(tok, text+" and", false), n, float64(n) / float64(n+1), ""},
	} {
		a := Agree(tok, c.ref, c.cand)
		if a.First != c.first || math.Abs(a.Share-c.share) > 1e-9 || a.RefAfter != c.after {
			t.Errorf("%s: %+v, want first %d, share %v, then %q", c.name, a, c.first, c.share, c.after)
		}
	}
	s := Summarise([]Agreement{{First: -1, Share: 1}, {First: 3, Share: .5}})
	if s != (Summary{2, 1, .75}) {
		t.Errorf("%+v", s)
	}
}

func TestFloor(t *testing.T) {
	m, tok := openDemo(t)
	f := Floor{Model: m, Options: model.Options{Plan: uniform(t, m, "f16"), Threads: 2}, Measure: eval.Options{Context: 48, Chunks: 2},
		Text: eval.Text{Tokens: tok.Encode(demo.Corpus()[:2000], true, false), BOS: tok.BOS, AddBOS: tok.AddBOS}}
	vary := append(f.Variations(), Variation{Name: "planted", Math: model.Fast, Zero: true})
	rows, err := f.Run(context.Background(), vary, func() {})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows[:len(rows)-1] {
		if !r.OK || r.Scored != 46 || r.Mean > 1e-6 {
			t.Errorf("%+v", r)
		}
	}
	if r := rows[len(rows)-1]; r.OK || r.Mean == 0 {
		t.Errorf("a difference where there must be none went unnoticed: %+v", r)
	}
	if !slices.ContainsFunc(rows, func(r FloorRow) bool { return strings.Contains(r.Name, "thread") && r.Zero }) {
		t.Error("no other number of threads")
	}
}
