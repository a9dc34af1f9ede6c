package generate

import (
	"context"
	"errors"
	"iter"
	"math"
	"time"

	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/sample"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// KeepPrompt is an Options.Keep of as many tokens as the first prompt has.
const KeepPrompt = math.MaxInt32

// Sequence is sequence 0 of a context and the tokens whose rows it holds.
type Sequence struct {
	Context   *model.Context
	Tokenizer *tokenizer.Tokenizer
	Options   Options
	Keep      int // tokens of the beginning that a context shift leaves; at first Options.Keep
	Shifts    int // how often the context was full and a part of it was dropped

	Control  func(text string) bool // of control tokens, those whose text is given out; nil: none
	Begins   func(text string) bool // as in Continuation
	Progress func(done, of int)     // of a prompt that runs, after each batch; nil for nobody

	sampler *sample.Sampler
	cached  []int32 // tokens in the cache
	loaded  bool    // what is cached is of a file, and was not cut to a prompt yet
	fresh   int     // tokens from the first with rows of a run from the start; allFresh for all

	pause  int          // tokens of the next prompt to run before paused is called
	paused func() error // nil for nothing
	marked []int32      // tokens of the checkpoint, nil for none

	markedFresh int // fresh, of the checkpoint
}

// allFresh is more tokens than any cache has.
const allFresh = math.MaxInt

// New continues texts in a context that holds nothing yet. The context stays the caller's to close.
func New(c *model.Context, t *tokenizer.Tokenizer, o Options) *Sequence {
	return &Sequence{Context: c, Tokenizer: t, Options: o, Keep: o.Keep, sampler: sample.New(o.Sampling), fresh: allFresh}
}

// Cached is the tokens whose rows the cache holds. They are not the caller's to change.
func (s *Sequence) Cached() []int32 { return s.cached }

// Fresh is the number of them, from the first, whose rows are what a run from the start computes.
func (s *Sequence) Fresh() int { return min(s.fresh, len(s.cached)) }

// Accept notes tokens of the text that are not run, for the repeat penalty.
func (s *Sequence) Accept(ids ...int32) {
	for _, id := range ids {
		s.sampler.Accept(id)
	}
}

// PauseAfter has the next prompt call f when n of its tokens, or all but the last, have been run:
// what is cached can be saved there. An f of nil takes that back.
func (s *Sequence) PauseAfter(n int, f func() error) { s.pause, s.paused = n, f }

// Result is what was generated.
type Result struct {
	Tokens []int32
	Stop   Stop
	Prompt time.Duration // until the first token was drawn
	Total  time.Duration
	After  int // tokens generated after the first, of all continuations
}

// Stream runs tokens after what is cached and gives out the text that follows as it comes. It ends
// with the text, with ctx, or with an error.
func (s *Sequence) Stream(ctx context.Context, tokens []int32) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		stopped := errors.New("nobody reads on")
		_, err := s.Generate(ctx, tokens, func(text string) error {
			if !yield(text, nil) {
				return stopped
			}
			return nil
		})
		if err == nil {
			err = ctx.Err()
		}
		if err != nil && err != stopped {
			yield("", err)
		}
	}
}

// Generate runs tokens, one at least, after what is cached and continues them. Emit gets the text
// as it comes; its error ends it. A ctx that ends is no error but the reason StopInterrupted. What
// is Cached then is what the context holds: nothing where its layers cannot go back behind a token
// of which a part was computed.
func (s *Sequence) Generate(ctx context.Context, tokens []int32, emit func(text string) error) (r Result, err error) {
	start := time.Now()
	defer s.until(ctx)()
	defer s.resync()
	c := newContinuation(s.Tokenizer, s.Options, s.sampler)
	c.Control, c.Begins = s.Control, s.Begins
	defer func() {
		r.Tokens, r.Total, r.After = c.Tokens, time.Since(start), len(c.Tokens)-1
		text := c.held
		switch {
		case err == nil:
			text = c.End(c.Stop)
		case interrupted(ctx, err):
			c.Stop, err = StopInterrupted, nil
		}
		if r.Stop = c.Stop; text != "" && err == nil {
			err = emit(text)
		}
	}()
	logits, err := s.prompt(ctx, tokens)
	if err != nil {
		return r, err
	}
	if c.Full() {
		c.Stop = StopLimit
		return r, nil
	}
	for {
		text := c.Next(logits)
		if r.Prompt == 0 {
			r.Prompt = time.Since(start)
		}
		if text != "" {
			if err := emit(text); err != nil {
				return r, err
			}
		}
		if c.Stop != "" && c.Stop != StopLimit {
			return r, c.Err()
		}
		if err := ctx.Err(); err != nil {
			return r, err
		}
		if room, err := s.room(); err != nil || !room {
			c.Stop = StopFull
			return r, err
		}
		// The last token is run too: what comes next goes on after it.
		if logits, err = s.Context.Decode(c.Last()); err != nil {
			return r, err
		}
		s.cached = append(s.cached, c.Last())
		if c.Stop != "" {
			return r, nil
		}
	}
}

// until has the context's work end with ctx, until the function that it returns is called.
func (s *Sequence) until(ctx context.Context) (restore func()) {
	before := s.Context.Stop
	s.Context.Stop = func() error {
		if err := ctx.Err(); err != nil || before == nil {
			return err
		}
		return before()
	}
	return func() { s.Context.Stop = before }
}

// interrupted says whether an error is that ctx ended.
func interrupted(ctx context.Context, err error) bool {
	return errors.Is(err, context.Canceled) || ctx.Err() != nil && errors.Is(err, ctx.Err())
}

// prompt runs tokens after what is cached and returns the logits of the last. It pauses on the way
// if it is to.
func (s *Sequence) prompt(ctx context.Context, tokens []int32) (logits []float32, err error) {
	if len(tokens) == 0 {
		return nil, errors.New("generate: a text is continued from one token at least, and none is given")
	}
	done, of := 0, len(tokens)
	run := func(tokens []int32, from int) error {
		for lo := 0; lo < len(tokens); lo += s.Context.Batch {
			if err := ctx.Err(); err != nil {
				return err
			}
			part := tokens[lo:min(lo+s.Context.Batch, len(tokens))]
			err := s.Context.Eval(part, max(0, from-lo), func(_ int, l []float32) error {
				logits = l
				return nil
			})
			if err != nil {
				return err
			}
			s.cached = append(s.cached, part...)
			s.Accept(part...)
			if done += len(part); s.Progress != nil {
				s.Progress(done, of)
			}
		}
		return nil
	}
	if s.paused != nil {
		n := min(max(0, s.pause), len(tokens)-1)
		if err := run(tokens[:n], n); err != nil {
			return nil, err
		}
		if err := s.paused(); err != nil {
			return nil, err
		}
		tokens = tokens[n:]
	}
	err = run(tokens, len(tokens)-1)
	return logits, err
}
