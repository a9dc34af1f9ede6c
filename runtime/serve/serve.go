// Package serve runs the texts of many people over one context: continuous batching.
//
// Every step is one batch. It has a token of each text that is being generated. What is left of the
// step's tokens goes to prompts, so that a long prompt delays the others by a chunk and not by its
// whole length. Texts join when there is a sequence and room for all that they may become, and
// leave at the step in which they end or are given up.
//
//	s := serve.New(c, tokenizer, serve.Options{Queue: 64})
//	go s.Run(ctx)
//	text, err := s.Submit(ctx, serve.Request{Tokens: tokens, Options: generate.Options{Limit: 100}})
//	for piece := range text.Pieces() { ... }
//
// What a text leaves in the cache stays until its room is wanted: the next prompt that begins alike
// goes on from there.
package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// ErrBusy is what Submit returns where as many texts wait as may.
var ErrBusy = errors.New("serve: the queue is full")

// ErrClosed is what texts end with that are not done when Run ends.
var ErrClosed = errors.New("serve: the scheduler has ended")

// Options are the limits of a scheduler.
type Options struct {
	Chunk int // prompt tokens of a step at most, 0 for a quarter of the context's batch
	Queue int // texts that wait for a sequence at most
}

// Request is a text to continue.
type Request struct {
	Tokens  []int32 // of the prompt, one at least
	Options generate.Options

	// Control and Observe are those of generate.Continuation. They run between the steps of all
	// texts, so they have to be short.
	Control func(text string) bool
	Observe func(id int32, logits []float32)
}

// Scheduler shares a context out. Run works; Submit may be called from any goroutine.
type Scheduler struct {
	c *model.Context
	t *tokenizer.Tokenizer
	o Options

	mu     sync.Mutex
	queue  []*Text
	closed bool
	wake   chan struct{} // something was queued

	slots []slot // by sequence
	clock int    // steps so far
	turn  int    // the sequence whose prompt is first in the next step
}

// slot is one sequence.
type slot struct {
	text   *Text   // nil for none: what is cached is kept for prompts that begin so
	cached []int32 // tokens whose rows it has
	rest   []int32 // of the prompt, not run yet
	room   int     // positions that the text may come to
	used   int     // step in which it was used last
}

// New shares c out. Nobody else may use it until Run has ended.
func New(c *model.Context, t *tokenizer.Tokenizer, o Options) *Scheduler {
	if o.Chunk <= 0 {
		o.Chunk = max(1, c.Batch/4)
	}
	return &Scheduler{c: c, t: t, o: o, wake: make(chan struct{}, 1), slots: make([]slot, c.Cache.Sequences)}
}

// Submit queues a text. It is given up when ctx ends. A prompt that the context can never hold is
// an error, and so is a full queue, ErrBusy.
func (s *Scheduler) Submit(ctx context.Context, r Request) (*Text, error) {
	size := min(s.c.Cache.Size, s.c.Cache.Cells)
	switch n := len(r.Tokens); {
	case n == 0:
		return nil, errors.New("serve: a prompt has one token at least")
	case n >= size:
		return nil, fmt.Errorf("serve: the prompt must be shorter than the context of %d positions: it has %d tokens", size, n)
	}
	room := size
	if l := r.Options.Limit; l >= 0 {
		room = min(size, len(r.Tokens)+l)
	}
	t := &Text{ctx: ctx, request: r, room: room, grow: generate.NewContinuation(s.t, r.Options), pieces: make(chan string, room-len(r.Tokens)+2), done: make(chan struct{})}
	t.grow.Control, t.grow.Observe = r.Control, r.Observe
	t.grow.Accept(r.Tokens...)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case len(s.queue) >= max(1, s.o.Queue):
		return nil, ErrBusy
	}
	s.queue = append(s.queue, t)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return t, nil
}

// Run works until ctx ends, or the context fails. Texts that are not done end with ErrClosed.
func (s *Scheduler) Run(ctx context.Context) error {
	stop := s.c.Stop
	s.c.Stop = ctx.Err
	defer func() { s.c.Stop = stop }()
	defer s.end()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		worked, err := s.step()
		if err != nil {
			return err
		}
		if worked {
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		}
	}
}

// end ends all texts.
func (s *Scheduler) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, t := range s.queue {
		t.finish(generate.StopInterrupted, ErrClosed)
	}
	s.queue = nil
	for i := range s.slots {
		if t := s.slots[i].text; t != nil {
			t.finish(generate.StopInterrupted, ErrClosed)
			s.slots[i].text = nil
		}
	}
}

// step lets texts in, runs one batch and draws from it. It says whether there was one.
func (s *Scheduler) step() (bool, error) {
	s.clock++
	s.giveUp()
	if err := s.admit(); err != nil {
		return false, err
	}
	batch, drawn := s.batch()
	if len(batch) == 0 {
		return false, nil
	}
	err := s.c.EvalBatch(batch, func(k int, logits []float32) error {
		s.draw(batch[k].Seq, logits)
		return nil
	})
	if err != nil {
		return false, err
	}
	for _, seq := range drawn {
		s.leave(seq)
	}
	return true, nil
}

// batch is the tokens of the next step, sequence by sequence, and the sequences that are drawn
// from.
func (s *Scheduler) batch() (batch []model.Token, drawn []int) {
	prompt := max(1, min(s.o.Chunk, s.c.Batch-s.generating()))
	take := make([]int, len(s.slots))
	for i := range s.slots { // prompts take turns at being first
		seq := (s.turn + i) % len(s.slots)
		take[seq] = min(len(s.slots[seq].rest), prompt)
		prompt -= take[seq]
	}
	s.turn = (s.turn + 1) % len(s.slots)
	for seq := range s.slots {
		x := &s.slots[seq]
		if x.text == nil {
			continue
		}
		if len(x.rest) == 0 {
			id := x.text.grow.Last()
			batch, drawn = append(batch, model.Token{Seq: seq, ID: id}), append(drawn, seq)
			x.cached, x.used = append(x.cached, id), s.clock
			continue
		}
		n := take[seq]
		for k, id := range x.rest[:n] {
			batch = append(batch, model.Token{Seq: seq, ID: id, NoLogits: k < len(x.rest)-1})
		}
		x.cached, x.rest = append(x.cached, x.rest[:n]...), x.rest[n:]
		if x.used = s.clock; len(x.rest) == 0 {
			drawn = append(drawn, seq)
		}
	}
	return batch, drawn
}

// generating is the number of texts whose prompt has been run.
func (s *Scheduler) generating() (n int) {
	for i := range s.slots {
		if x := &s.slots[i]; x.text != nil && len(x.rest) == 0 {
			n++
		}
	}
	return n
}

// draw takes the next token of a text.
func (s *Scheduler) draw(seq int, logits []float32) {
	t := s.slots[seq].text
	if t.grow.Full() {
		t.grow.Stop = generate.StopLimit
		return
	}
	piece := t.grow.Next(logits)
	if t.grow.Stop == "" && len(s.slots[seq].cached) >= s.slots[seq].room {
		piece += t.grow.End(generate.StopFull)
	}
	if piece != "" {
		t.pieces <- piece // there is room for all that can come
	}
}

// leave lets a text go that has ended. What is cached stays.
func (s *Scheduler) leave(seq int) {
	if x := &s.slots[seq]; x.text.grow.Stop != "" {
		x.text.finish(x.text.grow.Stop, nil)
		x.text = nil
	}
}

// giveUp lets the texts go whose context has ended.
func (s *Scheduler) giveUp() {
	for i := range s.slots {
		x := &s.slots[i]
		if x.text != nil && x.text.ctx.Err() != nil {
			x.text.finish(generate.StopInterrupted, nil)
			x.text, x.rest = nil, nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = slices.DeleteFunc(s.queue, func(t *Text) bool {
		if t.ctx.Err() == nil {
			return false
		}
		t.finish(generate.StopInterrupted, nil)
		return true
	})
}
