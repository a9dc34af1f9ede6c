package generate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// open is the embedded model in a context of some sequences of size positions.
func open(t *testing.T, size, sequences int) (*model.Context, *tokenizer.Tokenizer) {
	t.Helper()
	m, err := model.Parse(demo.Model(), kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	return openModel(t, m, size, sequences)
}

// openModel is a model in such a context, closed at the end of the test.
func openModel(t *testing.T, m *model.Model, size, sequences int) (*model.Context, *tokenizer.Tokenizer) {
	t.Helper()
	t.Cleanup(func() { m.Close() })
	f16 := kv.Choice{Type: kernels.Default().ByName("f16")}
	plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: f16, V: f16})
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.NewContext(model.Options{Plan: plan, Size: size, Sequences: sequences, Cells: sequences * size, Batch: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	words, err := tokenizer.New(m.File)
	if err != nil {
		t.Fatal(err)
	}
	return c, words
}

// text is what a new sequence says after a prompt.
func text(t *testing.T, o Options, prompt string) (string, Result) {
	t.Helper()
	c, words := open(t, 128, 1)
	var out strings.Builder
	r, err := New(c, words, o).Generate(t.Context(), words.Encode(prompt, true, false), func(s string) error {
		if s == "" {
			t.Error("an empty text is given out")
		}
		out.WriteString(s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), r
}

// TestStopStrings ends a text before the first stop string that comes, however it is cut into
// tokens, and gives out everything before it and nothing of it.
func TestStopStrings(t *testing.T) {
	const prompt = "KING HENRY:\n"
	whole, r := text(t, Options{Limit: 24, IgnoreEnd: true}, prompt)
	if r.Stop != StopLimit || len(r.Tokens) != 24 || len(whole) < 30 {
		t.Fatalf("%q, %+v", whole, r)
	}
	for at := 3; at+4 < len(whole); at += 5 {
		for _, n := range []int{1, 2, 4} {
			stop := whole[at : at+n]
			want := whole[:strings.Index(whole, stop)]
			for _, list := range [][]string{{stop}, {"never said", stop}, {stop, stop + whole[at+n:at+n+1]}} {
				got, r := text(t, Options{Limit: 24, IgnoreEnd: true, Stop: list}, prompt)
				if got != want || r.Stop != StopString {
					t.Errorf("%q: %q, %s; want %q", list, got, r.Stop, want)
				}
			}
		}
	}
	for _, held := range []string{whole[len(whole)-3:] + "x", "never said"} {
		if got, r := text(t, Options{Limit: 24, IgnoreEnd: true, Stop: []string{held}}, prompt); got != whole || r.Stop != StopLimit {
			t.Errorf("%q does not come: %q, %s; want %q", held, got, r.Stop, whole)
		}
	}
}

// TestInterrupted ends within a token's work: by the context, by whoever reads, and before it
// began.
func TestInterrupted(t *testing.T) {
	c, words := open(t, 128, 1)
	s := New(c, words, Options{Limit: -1, IgnoreEnd: true})
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	r, err := s.Generate(ctx, words.Encode("KING HENRY:\n", true, false), func(string) error {
		if n++; n == 3 {
			cancel()
		}
		return nil
	})
	if err != nil || r.Stop != StopInterrupted || n != 3 || s.Context.Len() != len(s.Cached()) {
		t.Errorf("%+v, %v, after %d texts, %d cached of %d", r, err, n, len(s.Cached()), s.Context.Len())
	}
	for _, err := range s.Stream(ctx, []int32{1}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a context that has ended: %v", err)
		}
	}
	full := errors.New("the disk is full")
	if _, err := s.Generate(t.Context(), []int32{1}, func(string) error { return full }); !errors.Is(err, full) {
		t.Errorf("%v, want %v", err, full)
	}
	if _, err := s.Generate(t.Context(), nil, nil); err == nil || !strings.Contains(err.Error(), "one token at least") {
		t.Errorf("nothing to continue: %v", err)
	}
	for range s.Stream(t.Context(), []int32{1}) {
		break // nobody reads on: the loop ends without an error to see
	}
	if s.Context.Stop != nil {
		t.Error("the context's own Stop is not what it was")
	}
}

// TestParallelAsAlone: greedily, each of several says what one alone does, and the cache is that of
// the first.
func TestParallelAsAlone(t *testing.T) {
	c, words := open(t, 64, 3)
	o := Options{Limit: 12, IgnoreEnd: true, Stop: []string{"never said"}}
	prompt := words.Encode("KING HENRY:\n", true, false)
	s := New(c, words, o)
	all, r, err := s.Parallel(t.Context(), prompt, 3)
	if err != nil {
		t.Fatal(err)
	}
	alone, one := text(t, o, "KING HENRY:\n")
	for i, p := range all {
		if p.Text != alone || !slices.Equal(p.Tokens, one.Tokens) || p.Stop != StopLimit {
			t.Errorf("number %d: %+v, alone %q", i, p, alone)
		}
	}
	if r.After != 3*11 || !slices.Equal(s.Cached(), append(prompt, one.Tokens[:11]...)) {
		t.Errorf("%d after the first, cached %v", r.After, s.Cached())
	}
}
