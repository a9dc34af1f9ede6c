package main

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/sample"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// Why a generation ended.
const (
	stopEnd         = "end of text"
	stopLimit       = "limit"
	stopFull        = "context full"
	stopInterrupted = "interrupted"
)

// generation is a sequence that grows: what is in the cache, and how to draw what follows.
type generation struct {
	c       *model.Context
	t       *tokenizer.Tokenizer
	sampler *sample.Sampler
	flags   *sampleFlags
	cached  []int32 // tokens in the cache
	keep    int     // of them, those that a context shift leaves alone
	shifts  int
	loaded  bool // what is cached is of a file, and was not cut to a prompt yet
	fresh   int  // tokens in the cache, from the first, whose rows are those of a run from the start; allFresh for all

	shows    func(text string) bool // of control tokens, those whose text is passed on; nil for none
	progress func(done, of int)     // of a prompt that runs, after each batch; nil for nobody

	pause  int          // tokens of the next prompt to run before paused is called
	paused func() error // nil for nothing
	marked []int32      // tokens of the checkpoint, nil for none

	markedFresh int // fresh, of the checkpoint
}

// allFresh is more tokens than any cache has.
const allFresh = math.MaxInt

// produced is what a call of more generated.
type produced struct {
	ids    []int32
	stop   string
	prompt time.Duration // until the first token was drawn
	total  time.Duration
	after  int // tokens generated after the first, of all sequences
}

// more runs tokens after what is cached and generates. emit gets the text as it comes.
func (g *generation) more(ctx context.Context, tokens []int32, emit func(string) error) (p produced, err error) {
	start := time.Now()
	defer func() {
		p.total, p.after = time.Since(start), len(p.ids)-1
		if errors.Is(err, context.Canceled) {
			p.stop, err = stopInterrupted, nil
		}
	}()
	logits, err := g.prompt(ctx, tokens)
	if err != nil {
		return p, err
	}
	stream := g.t.NewStream(false)
	defer func() {
		if text := stream.Flush(); text != "" && err == nil {
			err = emit(text)
		}
	}()
	for {
		if len(p.ids) == g.flags.predict {
			p.stop = stopLimit
			return p, nil
		}
		id := g.sampler.Draw(logits)
		if len(p.ids) == 0 {
			p.prompt = time.Since(start)
		}
		if g.t.IsEOG(id) && !g.flags.ignore {
			p.stop = stopEnd
			return p, nil
		}
		p.ids = append(p.ids, id)
		g.sampler.Accept(id)
		text := stream.Next(id)
		if g.shows != nil && g.t.IsControl(id) && g.shows(g.t.Piece(id)) {
			text = stream.Flush() + g.t.Piece(id)
		}
		if text != "" {
			if err := emit(text); err != nil {
				return p, err
			}
		}
		if err := ctx.Err(); err != nil {
			return p, err
		}
		if room, err := g.room(); err != nil || !room {
			p.stop = stopFull
			return p, err
		}
		if logits, err = g.c.Decode(id); err != nil {
			return p, err
		}
		g.cached = append(g.cached, id)
	}
}

// prompt runs tokens after what is cached and returns the logits of the last. It pauses on the way if it is to.
func (g *generation) prompt(ctx context.Context, tokens []int32) (logits []float32, err error) {
	done, of := 0, len(tokens)
	run := func(tokens []int32, from int) error {
		for lo := 0; lo < len(tokens); lo += g.c.Batch {
			part := tokens[lo:min(lo+g.c.Batch, len(tokens))]
			err := prefill(ctx, g.c, part, max(0, from-lo), func(_ int, l []float32) error {
				logits = l
				return nil
			})
			if err != nil {
				return err
			}
			if done += len(part); g.progress != nil {
				g.progress(done, of)
			}
		}
		g.cached = append(g.cached, tokens...)
		for _, id := range tokens {
			g.sampler.Accept(id)
		}
		return nil
	}
	if g.paused != nil {
		n := min(max(0, g.pause), len(tokens)-1)
		if err := run(tokens[:n], n); err != nil {
			return nil, err
		}
		if err := g.paused(); err != nil {
			return nil, err
		}
		tokens = tokens[n:]
	}
	err = run(tokens, len(tokens)-1)
	return logits, err
}

// room makes room for one more token: when the context is full, the older half of what is not to be kept is dropped.
func (g *generation) room() (bool, error) {
	if g.c.Len() < g.c.Cache.Size {
		return true, nil
	}
	keep := min(g.keep, len(g.cached))
	discard := (len(g.cached) - keep) / 2
	if g.flags.noShift || discard < 1 || g.c.Model.Fixed() != nil {
		return false, nil
	}
	if err := g.drop(keep, discard); err != nil {
		return false, err
	}
	g.shifts++
	return true, nil
}

// drop takes tokens keep..keep+discard-1 out of the cache.
func (g *generation) drop(keep, discard int) error {
	g.unmark()
	if err := g.c.Shift(keep, discard); err != nil {
		return err
	}
	g.cached = append(g.cached[:keep], g.cached[keep+discard:]...)
	g.fresh = min(g.fresh, keep)
	return nil
}

// reuse brings the cache to the longest beginning of tokens that it can keep, and returns the rest, at least one token.
// Where tokens are those cached without a stretch, as after older turns of a conversation were dropped, the cache is shifted.
// What is of a file is kept only so far that all that follows is as in a run from the start.
func (g *generation) reuse(tokens []int32) ([]int32, error) {
	n := common(g.cached, tokens[:len(tokens)-1])
	if g.loaded {
		n = g.c.Cache.Fresh(0, min(n, g.fresh))
	} else if gap := stretch(g.cached[n:], tokens[n:]); gap > 0 && g.c.Model.Fixed() == nil {
		if err := g.drop(n, gap); err != nil {
			return nil, err
		}
		n = min(len(g.cached), len(tokens)-1)
	}
	g.cached = append([]int32(nil), g.cached[:n]...)
	if kept := g.c.Cache.Fresh(0, n); n <= g.fresh && kept == n {
		g.fresh = allFresh
	} else {
		g.fresh = min(g.fresh, kept)
	}
	g.loaded = false
	err := g.c.Truncate(n)
	if err == nil && n < len(g.marked) {
		g.unmark() // it would hold rows of its own
	}
	if err != nil { // a sliding window has moved on, or a layer is recurrent
		if n, err = g.back(tokens); err != nil {
			return nil, err
		}
		g.cached, g.fresh = append(g.cached[:0], tokens[:n]...), g.markedFresh
	}
	return tokens[n:], nil
}

// stretch is the number of tokens to take from the front of cached so that all that is left begins tokens; 0 when there
// is none, or when what is left would not be worth it.
func stretch(cached, tokens []int32) int {
	const worth = 16
	for gap := 1; gap+worth <= len(cached); gap++ {
		rest := cached[gap:]
		if len(rest) >= len(tokens) {
			continue
		}
		k := 0
		for k < len(rest) && rest[k] == tokens[k] {
			k++
		}
		if k == len(rest) {
			return gap
		}
	}
	return 0
}
