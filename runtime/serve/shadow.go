package serve

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

const (
	shadowChunk   = 64 // tokens that are run before others are looked for, within a layer then
	shadowPending = 8  // texts that wait to be replayed at most
	shadowLast    = 64 // texts whose numbers are remembered
	shadowTile    = 8  // positions whose logits are there at a time
)

// ShadowBounds are the upper bounds of Drift.Buckets, in nats.
var ShadowBounds = []float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, .1, 1, 10}

// ShadowOptions say what is replayed.
type ShadowOptions struct {
	Share float64 // of the texts that end, 0 to 1
	Size  int     // positions of a text at most; longer ones are not replayed
	Seed  uint64  // of the choice
}

// Shadow replays a share of the texts that ended, while no text runs: with the cache in use and
// with a reference, on the same tokens, in exact math on the processor. Every token that was
// generated is scored as runtime/eval does. Nothing is kept of a text but its numbers, once it has
// been replayed.
//
// It gives way to a text that comes within a layer, and goes on later with the tokens that it was
// at. It takes the memory of two caches of Size positions, and of two vectors before the output
// matrix for each.
type Shadow struct {
	o     ShadowOptions
	size  int // positions at most
	vocab int
	width int
	sides [2]*model.Context // the reference's and that in use
	rand  *rand.Rand

	pending []replay
	at      int          // of pending[0]: the side that runs
	hidden  [2][]float32 // of pending[0]: [scored][Width]
	logits  [2][]float32 // [shadowTile][Vocab]

	mu    sync.Mutex
	drift Drift
}

// replay is a text to be replayed.
type replay struct {
	tokens []int32
	prompt int // tokens of the prompt
}

// Drift is what shadow mode has found: of all tokens that were scored, and of the last texts.
type Drift struct {
	Texts, Tokens uint64
	// texts that were chosen and not replayed: too long, or too many waited, or they failed
	Skipped uint64
	SameTop uint64  // tokens of which both caches find the same most probable
	KLD     float64 // sum over tokens, nats
	KLDMax  float64
	Buckets []uint64 // tokens by their KLD: up to ShadowBounds[i], in the last one the rest
	Last    []TextDrift
	Pending int
}

// TextDrift is the drift of one text.
type TextDrift struct {
	At      time.Time // when it was replayed
	Tokens  int
	SameTop int
	Mean    float64 // KLD of a token, nats
	Max     float64
}

// errGiveWay ends a replay when a text has come.
var errGiveWay = errors.New("a text has come")

// NewShadow makes the two caches. The reference's plan is of c's model.
func NewShadow(c *model.Context, reference *kv.Plan, o ShadowOptions) (*Shadow, error) {
	switch {
	case !(o.Share > 0 && o.Share <= 1):
		return nil, fmt.Errorf("serve: the share of texts that are replayed is above 0 and up to 1: it is %v", o.Share)
	case o.Size < 2:
		return nil, fmt.Errorf("serve: texts of 2 positions at least can be replayed: the limit is %d", o.Size)
	}
	if err := c.OnHost(); err != nil {
		return nil, fmt.Errorf("serve: texts cannot be replayed: %w", err)
	}
	m := c.Model
	size := min(o.Size, c.Cache.Size)
	ref, err := m.NewContext(model.Options{Plan: reference, Size: size, Batch: min(shadowChunk, size), Threads: c.Threads(), Math: model.Exact})
	if err != nil {
		return nil, err
	}
	used, err := ref.Sibling(c.Cache.Plan)
	if err != nil {
		ref.Close()
		return nil, err
	}
	s := &Shadow{o: o, size: size, vocab: m.Vocab, width: m.Width, sides: [2]*model.Context{ref, used}, rand: rand.New(rand.NewPCG(o.Seed, 1))}
	s.drift.Buckets = make([]uint64, len(ShadowBounds)+1)
	for i := range s.logits {
		s.logits[i] = make([]float32, shadowTile*m.Vocab)
	}
	return s, nil
}

// Close frees the caches. No scheduler may run with it.
func (s *Shadow) Close() {
	s.sides[1].Close()
	s.sides[0].Close()
}

// Drift is a copy of what was found.
func (s *Shadow) Drift() Drift {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.drift
	d.Buckets, d.Last = slices.Clone(d.Buckets), slices.Clone(d.Last)
	return d
}

// offer takes a text that has ended, if it is chosen.
func (s *Shadow) offer(t *Text) {
	if t.err != nil || len(t.grow.Tokens) == 0 || s.rand.Float64() >= s.o.Share {
		return
	}
	n := len(t.request.Tokens) + len(t.grow.Tokens)
	if n-1 > s.size || len(s.pending) >= shadowPending {
		s.skip()
		return
	}
	s.pending = append(s.pending, replay{slices.Concat(t.request.Tokens, t.grow.Tokens), len(t.request.Tokens)})
	s.note()
}

func (s *Shadow) skip() {
	s.mu.Lock()
	s.drift.Skipped++
	s.mu.Unlock()
}

func (s *Shadow) note() {
	s.mu.Lock()
	s.drift.Pending = len(s.pending)
	s.mu.Unlock()
}

// work replays a chunk. It says whether there is more to do. stop is asked between layers; its
// error ends the chunk, which is run again later.
func (s *Shadow) work(stop func() error) bool {
	if len(s.pending) == 0 {
		return false
	}
	r := &s.pending[0]
	var stopped error
	err := s.chunk(r, func() error {
		stopped = stop()
		return stopped
	})
	switch {
	case stopped != nil:
		return true
	case err != nil:
		s.skip()
		s.next()
	case s.at == len(s.sides):
		s.score(r)
		s.next()
	}
	return len(s.pending) > 0
}

// next is done with a text.
func (s *Shadow) next() {
	s.pending = slices.Delete(s.pending, 0, 1)
	s.at = 0
	for _, c := range s.sides {
		c.Clear()
	}
	s.note()
}

// chunk runs the next tokens on the side that is not done.
func (s *Shadow) chunk(r *replay, stop func() error) error {
	c := s.sides[s.at]
	c.Stop = stop
	run, from := r.tokens[:len(r.tokens)-1], r.prompt-1 // the last token is not run
	lo := c.Len()
	hi := min(len(run), lo+shadowChunk)
	if lo == 0 {
		s.hidden[s.at] = make([]float32, (len(run)-from)*s.width)
	}
	first := max(lo, from)
	var dst []float32
	if first < hi {
		dst = s.hidden[s.at][(first-from)*s.width : (hi-from)*s.width]
	}
	if err := c.Hidden(dst, run[lo:hi], first-lo); err != nil {
		return err
	}
	if hi == len(run) {
		s.at++
	}
	return nil
}

// score compares the logits of every token that was generated.
func (s *Shadow) score(r *replay) {
	n := len(r.tokens) - r.prompt
	d := TextDrift{At: time.Now(), Tokens: n}
	var all []eval.Position
	for lo := 0; lo < n; lo += shadowTile {
		hi := min(n, lo+shadowTile)
		for i, c := range s.sides {
			if c.Logits(s.logits[i][:(hi-lo)*s.vocab], s.hidden[i][lo*s.width:hi*s.width]) != nil {
				s.skip()
				return
			}
		}
		for k := range hi - lo {
			row := func(i int) []float32 { return s.logits[i][k*s.vocab:][:s.vocab] }
			p := eval.Compare(row(0), row(1), r.tokens[r.prompt+lo+k])
			if math.IsNaN(p.KLD) || math.IsInf(p.KLD, 0) {
				s.skip()
				return
			}
			all = append(all, p)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range all {
		s.drift.add(p, &d)
	}
	d.Mean /= float64(n)
	s.drift.Texts++
	if s.drift.Last = append(s.drift.Last, d); len(s.drift.Last) > shadowLast {
		s.drift.Last = slices.Delete(s.drift.Last, 0, 1)
	}
}

// add counts a token, and adds it to the sum of a text.
func (d *Drift) add(p eval.Position, text *TextDrift) {
	k, _ := slices.BinarySearch(ShadowBounds, p.KLD)
	d.Buckets[k]++
	d.Tokens++
	d.KLD += p.KLD
	d.KLDMax = max(d.KLDMax, p.KLD)
	text.Mean += p.KLD
	text.Max = max(text.Max, p.KLD)
	if p.SameTop {
		d.SameTop++
		text.SameTop++
	}
}
