package serve

import (
	"context"
	"iter"

	"github.com/kvgen/kvgen/runtime/generate"
)

// Text is a text that was submitted. Pieces and Wait are for one goroutine.
type Text struct {
	ctx     context.Context
	request Request
	room    int // positions that it may come to
	reused  int
	grow    *generate.Continuation
	pieces  chan string // with room for all that can come: nobody who reads slowly holds others up
	done    chan struct{}
	err     error
}

// Pieces gives out the text as it comes, until it ends.
func (t *Text) Pieces() iter.Seq[string] {
	return func(yield func(string) bool) {
		for piece := range t.pieces {
			if !yield(piece) {
				return
			}
		}
	}
}

// Result is what became of a text.
type Result struct {
	Tokens []int32
	Stop   generate.Stop
	Reused int // tokens of the prompt that were cached
}

// Wait waits for the end. A text that was given up has no error: its Stop is
// generate.StopInterrupted.
func (t *Text) Wait() (Result, error) {
	<-t.done
	return Result{t.grow.Tokens, t.grow.Stop, t.reused}, t.err
}

// finish ends the text; the scheduler does not touch it any more.
func (t *Text) finish(why generate.Stop, err error) {
	if t.grow.Stop == "" {
		if rest := t.grow.End(why); rest != "" {
			t.pieces <- rest
		}
	}
	t.err = err
	close(t.pieces)
	close(t.done)
}
