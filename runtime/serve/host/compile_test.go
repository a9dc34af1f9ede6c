package host

import (
	"context"
	"errors"
	"testing"

	"github.com/kvgen/kvgen/runtime/grammar"
)

// TestCompile: while a grammar is made, texts of others are read, those with grammars that are kept
// go on, and one who waits for his own may leave.
func TestCompile(t *testing.T) {
	h := New(Host{})
	kept := &grammar.Grammar{}
	made := func() (*grammar.Grammar, error) { return kept, nil }
	if g, err := h.compile(t.Context(), "a", "kept", made); g != kept || err != nil {
		t.Fatal(g, err)
	}
	gate, making, done := make(chan bool), make(chan bool), make(chan error)
	go func() {
		_, err := h.compile(t.Context(), "a", "slow", func() (*grammar.Grammar, error) {
			close(making)
			<-gate
			return nil, errors.New("too much")
		})
		done <- err
	}()
	<-making
	if err := h.prepare(t.Context(), alone, func() error { return nil }); err != nil {
		t.Error(err)
	}
	if g, err := h.compile(t.Context(), "a", "kept", func() (*grammar.Grammar, error) { return nil, errors.New("made again") }); g != kept || err != nil {
		t.Error(g, err)
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := h.compile(ctx, "a", "another", made); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(gate)
	if err := <-done; err == nil || err.Error() != "too much" {
		t.Error(err)
	}
	if g, err := h.compile(t.Context(), "a", "slow", made); g != kept || err != nil {
		t.Errorf("a grammar that was refused is kept: %v, %v", g, err)
	}
}
