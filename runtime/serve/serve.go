// Package serve runs the texts of many people over one context: continuous batching.
//
// Every step is one batch. It has a token of each text that is being generated. What is left of the
// step's tokens goes to prompts, at most Options.Chunk of them while somebody streams. Texts join
// when there is a sequence and room for all that they may become, and leave at the step in which
// they end or are given up.
//
//	s := serve.New(c, tokenizer, serve.Options{Queue: 64})
//	go s.Run(ctx)
//	text, err := s.Submit(ctx, serve.Request{Tokens: tokens, Options: generate.Options{Limit: 100}})
//	for piece := range text.Pieces() { ... }
//
// # What prompts share
//
// Sequences of the context that no text has keep what texts left, as long as there is room for it:
// the leaves of a tree, whose common rows are held once. A prompt takes over the longest beginning
// that any sequence has, of a text that runs too. Where another prompt that runs will have more of
// it, the text waits for those rows and does not compute them again. What is used longest ago is
// forgotten first.
//
// A model whose cache cannot be cut everywhere (recurrent layers, sliding windows, last rows that
// are exact) leaves copies of its state where prompts ended and where they parted.
//
// # Who is next
//
// Each client has a counter of the tokens that it was served, those that were generated twice and
// cached ones not at all. Of clients who wait the one with the least is next, for a sequence and
// for the prompt tokens of a step: a virtual token counter (arXiv:2401.00588). Nobody saves up: a
// client that comes back begins with the least counter of those who are there.
//
// A text that streams has a token in every step. Between two of them others run Options.Chunk
// prompt tokens at most, and one token each of the texts that stream.
//
// # What a compressed cache does to these texts
//
// A Shadow replays a share of the texts while nothing else is to be done, with the cache in use and
// with a reference on the same tokens, and counts how far apart they are.
package serve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// ErrClosed is what texts end with that are not done when Run ends.
var ErrClosed = errors.New("serve: the scheduler has ended")

// ErrBusy is what Submit returns where as many texts wait as may, as a *Busy.
var ErrBusy = errors.New("serve: the queue is full")

// Busy is a full queue as an error.
type Busy struct {
	Waiting int           // texts in the queue, of the client where its own share of it is full
	Wait    time.Duration // until there may be room, as far as can be told; a second at least
}

func (b *Busy) Error() string {
	return fmt.Sprintf("%v: %d texts wait; try again in %v", ErrBusy, b.Waiting, b.Wait)
}

// Is says that a *Busy is ErrBusy.
func (b *Busy) Is(target error) bool { return target == ErrBusy }

// Options are the limits of a scheduler.
type Options struct {
	// texts that run at once, 0 for as many as the context has sequences. What is left of the
	// sequences keeps prompts.
	Parallel int

	Chunk int // prompt tokens of a step beside texts that stream, 0 for a quarter of the batch
	Queue int // texts that wait for a sequence at most, 1 at least

	ClientQueue int // of them those of one client, 0 for Queue

	// bytes of the cache that kept prompts may take while nobody needs them; 0 for all there are
	KeepBytes int64

	Store  *Store  // keeps prompts on disk too; nil for none
	Shadow *Shadow // replays a share of the texts; nil for none
}

// Request is a text to continue.
type Request struct {
	Tokens  []int32 // of the prompt, one at least
	Options generate.Options
	Client  string // whose it is, for fairness

	// Control, Begins and Observe are those of generate.Continuation. They run between the steps of
	// all texts, so they have to be short.
	Control func(text string) bool
	Begins  func(text string) bool
	Observe func(id int32, logits []float32)
}

// Scheduler shares a context out. Run works; the other methods may be called from any goroutine.
type Scheduler struct {
	c     *model.Context
	t     *tokenizer.Tokenizer
	o     Options
	rigid bool // sequences cannot be cut everywhere

	mu       sync.Mutex // of what follows, up to slots
	queue    []*Text
	accounts accounts
	closed   bool
	wake     chan struct{} // something was queued
	stats    Stats
	shown    []Slot        // by sequence, after the last step
	mean     time.Duration // that a text runs

	slots []slot // by sequence
	clock int    // steps so far
	disk  disk
}

// slot is one sequence.
type slot struct {
	text   *Text   // nil for none: what is cached is kept for prompts that begin so
	cached []int32 // tokens whose rows it has
	rest   []int32 // of the text, not run yet
	room   int     // positions that the text may come to
	used   int     // step in which it was used last
	joined int     // step in which the text joined

	// The text waits until the sequence source has until tokens of it; nil for nobody.
	leader *Text
	source int
	until  int

	saved bool  // a file has what is cached, or none is to have it
	marks []int // lengths at which a copy is left, for a cache that cannot be cut
}

// prompting says whether a slot has tokens to run before the next is drawn.
func (x *slot) prompting() bool { return x.text != nil && len(x.rest) > 0 }

// New shares c out. Nobody else may use it until Run has ended.
func New(c *model.Context, t *tokenizer.Tokenizer, o Options) *Scheduler {
	n := c.Cache.Sequences
	if o.Parallel <= 0 || o.Parallel > n {
		o.Parallel = n
	}
	if o.Chunk <= 0 {
		o.Chunk = max(1, c.Batch/4)
	}
	o.Queue = max(1, o.Queue)
	if o.ClientQueue <= 0 {
		o.ClientQueue = o.Queue
	}
	s := &Scheduler{c: c, t: t, o: o, rigid: rigid(c.Cache), wake: make(chan struct{}, 1), slots: make([]slot, n), shown: make([]Slot, n)}
	s.accounts.init()
	s.disk.Store = o.Store
	s.show()
	return s
}

// rigid says whether a cache has something that cannot be taken back to any earlier position.
func rigid(c *kv.Cache) bool {
	for _, l := range c.Plan.Layers {
		if l.Layer.Window > 0 || l.Ends.Last > 0 {
			return true
		}
	}
	return c.States() > 0
}

// Submit queues a text. It is given up when ctx ends. A prompt that the context can never hold is
// an error, and so is a full queue, a *Busy.
func (s *Scheduler) Submit(ctx context.Context, r Request) (*Text, error) {
	size := min(s.c.Cache.Size, s.c.Cache.Cells)
	switch n := len(r.Tokens); {
	case n == 0:
		return nil, errors.New("serve: a prompt has one token at least")
	case n >= size:
		return nil, fmt.Errorf("serve: the prompt must be shorter than the context of %d positions: it has %d tokens", size, n)
	}
	for i, id := range r.Tokens {
		if id < 0 || int(id) >= s.c.Model.Vocab {
			return nil, fmt.Errorf("serve: tokens are of the vocabulary of %d: token %d of the prompt is %d", s.c.Model.Vocab, i, id)
		}
	}
	t := newText(ctx, r, size, s.t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	a := s.accounts.of(r.Client)
	switch {
	case len(s.queue) >= s.o.Queue:
		s.stats.Refused++
		return nil, s.busy(len(s.queue))
	case a.waiting >= s.o.ClientQueue:
		s.stats.Refused++
		return nil, s.busy(a.waiting)
	}
	t.account = a
	s.accounts.wait(a)
	s.stats.Submitted++
	s.queue = append(s.queue, t)
	s.stats.Waiting = len(s.queue)
	s.rouse()
	return t, nil
}

// busy estimates when there may be room again: a text leaves about every mean/Parallel.
func (s *Scheduler) busy(waiting int) error {
	wait := max(time.Second, (s.mean * time.Duration(waiting) / time.Duration(s.o.Parallel)).Round(time.Second))
	return &Busy{Waiting: waiting, Wait: wait}
}

// rouse has Run look for work.
func (s *Scheduler) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
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
		s.saveNext()
		if worked || s.shadow(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		}
	}
}

// shadow replays a part of a text, while none waits. It says whether there is more to replay.
func (s *Scheduler) shadow(ctx context.Context) bool {
	stop := func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.queue) > 0 {
			return errGiveWay
		}
		return ctx.Err()
	}
	return s.o.Shadow != nil && stop() == nil && s.o.Shadow.work(stop)
}

// end ends all texts, and keeps on disk what they left.
func (s *Scheduler) end() {
	s.endTexts()
	s.saveAll()
}

func (s *Scheduler) endTexts() {
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
