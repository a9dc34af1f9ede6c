package serve

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// Text is a text that was submitted. Pieces and Wait are for one goroutine.
type Text struct {
	ctx     context.Context
	request Request
	account *account
	room    int // positions that it may come to
	reused  int
	grow    *generate.Continuation
	err     error

	asked  bool    // a file was looked for
	loaded *loaded // what it had; nil for nothing

	submitted, begun, first, ended time.Time

	mu     sync.Mutex
	pieces []string      // not read yet: nobody who reads slowly holds others up
	more   chan struct{} // there are pieces
	done   chan struct{}
}

func newText(ctx context.Context, r Request, size int, words *tokenizer.Tokenizer) *Text {
	room := size
	if l := r.Options.Limit; l >= 0 {
		room = min(size, len(r.Tokens)+l)
	}
	t := &Text{ctx: ctx, request: r, room: room, submitted: time.Now(), more: make(chan struct{}, 1), done: make(chan struct{})}
	t.grow = generate.NewContinuation(words, r.Options)
	t.grow.Control, t.grow.Begins, t.grow.Observe = r.Control, r.Begins, r.Observe
	t.grow.Accept(r.Tokens...)
	return t
}

// say adds to what Pieces gives out.
func (t *Text) say(piece string) {
	if piece == "" {
		return
	}
	t.mu.Lock()
	t.pieces = append(t.pieces, piece)
	t.mu.Unlock()
	select {
	case t.more <- struct{}{}:
	default:
	}
}

// take is the pieces that nobody has read.
func (t *Text) take() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.pieces
	t.pieces = nil
	return all
}

// Pieces gives out the text as it comes, until it ends.
func (t *Text) Pieces() iter.Seq[string] {
	return func(yield func(string) bool) {
		for ended := false; ; {
			for _, piece := range t.take() {
				if !yield(piece) {
					return
				}
			}
			if ended {
				return
			}
			select {
			case <-t.more:
			case <-t.done:
				ended = true
			}
		}
	}
}

// Result is what became of a text.
type Result struct {
	Tokens []int32
	Stop   generate.Stop
	Reused int // tokens of the prompt that were cached

	Matched string // the stop string that ended it, "" for none

	Queued time.Duration // until it got a sequence
	Prompt time.Duration // from then until the first token was drawn
	Total  time.Duration // since it was submitted
}

// Wait waits for the end. A text that was given up has no error: its Stop is
// generate.StopInterrupted.
func (t *Text) Wait() (Result, error) {
	<-t.done
	r := Result{Tokens: t.grow.Tokens, Stop: t.grow.Stop, Reused: t.reused, Matched: t.grow.Matched, Total: t.ended.Sub(t.submitted)}
	if r.Queued = r.Total; !t.begun.IsZero() {
		r.Queued = t.begun.Sub(t.submitted)
	}
	if !t.first.IsZero() {
		r.Prompt = t.first.Sub(t.begun)
	}
	return r, t.err
}

// finish is end for a text of which no number is kept, and tells who waits for it.
func (t *Text) finish(why generate.Stop, err error) {
	t.end(why, err)
	close(t.done)
}

// end ends the text; the scheduler does not touch it any more.
func (t *Text) end(why generate.Stop, err error) {
	if t.grow.Stop == "" {
		t.say(t.grow.End(why))
	}
	t.err, t.ended = err, time.Now()
}
