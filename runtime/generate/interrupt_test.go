package generate

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/model"
)

// TestInterruptedPrompt ends a prompt between its batches: what is Cached is what the context
// holds, and the sequence goes on with the rest as if nothing had been.
func TestInterruptedPrompt(t *testing.T) {
	const text = "KING RICHARD III:\nNow is the winter of our discontent made glorious summer by this sun " +
		"of York; and all the clouds that lour'd upon our house"
	o := Options{Limit: 8, IgnoreEnd: true}
	c, words := open(t, 128, 1)
	prompt := words.Encode(text, true, false)
	emit := func(string) error { return nil }
	want, err := New(c, words, o).Generate(t.Context(), prompt, emit)
	if err != nil || len(prompt) < 35 {
		t.Fatal(len(prompt), err)
	}
	for after := 0; after < 33; after += c.Batch {
		c, _ := open(t, 128, 1)
		s := New(c, words, o)
		ctx, cancel := context.WithCancel(t.Context())
		if s.Progress = func(done, of int) {
			if done == after {
				cancel()
			}
		}; after == 0 {
			cancel()
		}
		r, err := s.Generate(ctx, prompt, emit)
		if err != nil || r.Stop != StopInterrupted || len(r.Tokens) > 0 {
			t.Fatalf("after %d: %+v, %v", after, r, err)
		}
		if n := len(s.Cached()); n != after || !s.InStep() || !slices.Equal(s.Cached(), prompt[:n]) {
			t.Errorf("after %d: %d tokens are cached, and the context holds %d", after, n, c.Len())
		}
		s.Progress = nil
		got, err := s.Generate(t.Context(), prompt[len(s.Cached()):], emit)
		if err != nil || !slices.Equal(got.Tokens, want.Tokens) {
			t.Errorf("after %d: %v, %v; want %v", after, got.Tokens, err, want.Tokens)
		}
	}
}

// TestInterruptedToken ends a token in the middle of the layers of a model with recurrent ones,
// which cannot go back: nothing is cached, rather than tokens of which the context has no rows.
func TestInterruptedToken(t *testing.T) {
	m, err := model.Open("../../testdata/arch/qwen35/model.gguf", kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	c, words := openModel(t, m, 64, 1)
	s := New(c, words, Options{Limit: 8, IgnoreEnd: true})
	stop, steps, from := errors.New("stopped"), 0, -1
	c.Stop = func() error {
		if steps++; from >= 0 && steps > from+1 {
			return stop
		}
		return nil
	}
	texts := 0
	_, err = s.Generate(t.Context(), words.Encode("ab", true, false), func(string) error {
		if texts++; texts == 3 {
			from = steps
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Fatalf("it was not stopped within a token: %v", err)
	}
	if !s.InStep() {
		t.Errorf("%d tokens are cached, and the context holds %d", len(s.Cached()), c.Len())
	}
}
