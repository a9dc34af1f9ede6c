package eval

import (
	"context"
	"fmt"
	"runtime"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

const (
	// tilePositions is the most positions whose logits are held at a time, and tileBytes the most
	// memory for one cache's.
	tilePositions, tileBytes = 64, 16 << 20

	// hiddenBytes is the most memory for hidden states. Where all candidates of a chunk take more
	// they go in groups, which costs the output matrix of the reference once more for each.
	hiddenBytes = 128 << 20

	// garbageBytes is how large a cache may be and still be left to the collector to notice. The
	// caches of a chunk follow one another; of large ones two more would be in memory before it
	// runs by itself.
	garbageBytes = 32 << 20
)

// Lockstep compares caches with a reference, chunk by chunk, in the threads and the memory of one
// context.
//
// The caches run through a chunk one after another, so that only one beside the reference's exists
// at a time. What stays of each is the hidden states before the output matrix. From these come the
// logits of a few positions at a time, of the reference once and then of every candidate, which are
// compared and forgotten. Nothing is rounded or written on the way.
type Lockstep struct {
	// Visit is called for every scored position of the reference, in order; nil for nothing.
	Visit func(Scored) error

	c      *model.Context
	ref    reference
	text   Text
	o      Options
	chunks int
	tile   int // positions
	group  int // candidates

	tokens []int32
	hidden [][]float32 // [candidates of a group][scored][width]
	logits []float32   // [tile][vocab]
	task   compareTask
}

// reference is where the distributions come from that candidates are compared with.
type reference interface {
	// run prepares chunk k.
	run(ctx context.Context, k int) error
	// load prepares the scored positions lo..lo+n-1 of the chunk. It may use the context's threads.
	load(lo, n int) error
	// compare scores a candidate's logits at position i of those loaded. Several workers may call
	// it at once.
	compare(i int, logits []float32, target int32, s *scratch) Position
}

// NewLockstep prepares comparisons with the cache of c, which is then the Lockstep's to run.
func NewLockstep(c *model.Context, t Text, o Options) (*Lockstep, error) {
	l, err := newLockstep(c, t, o)
	if err == nil {
		l.ref = &live{l: l, c: c}
	}
	return l, err
}

// NewComparison prepares comparisons with another model of the same vocabulary: ref, which runs
// with the cache it has. Both contexts are then the Lockstep's to run.
func NewComparison(ref, c *model.Context, t Text, o Options) (*Lockstep, error) {
	if ref.Model.Vocab != c.Model.Vocab {
		return nil, fmt.Errorf("a vocabulary of %d tokens is compared with one of %d", c.Model.Vocab, ref.Model.Vocab)
	}
	l, err := newLockstep(c, t, o)
	if err == nil && ref.Cache.Size < o.Context-1 {
		err = fmt.Errorf("chunks of %d tokens do not fit a context of %d", o.Context, ref.Cache.Size)
	}
	if err != nil {
		return nil, err
	}
	l.ref = &live{l: l, c: ref}
	return l, nil
}

func newLockstep(c *model.Context, t Text, o Options) (*Lockstep, error) {
	n, err := o.Count(t)
	if err != nil {
		return nil, err
	}
	if c.Cache.Size < o.Context-1 {
		return nil, fmt.Errorf("chunks of %d tokens do not fit a context of %d", o.Context, c.Cache.Size)
	}
	l := &Lockstep{c: c, text: t, o: o, chunks: n, tokens: make([]int32, o.Context)}
	l.tile = min(tilePositions, max(1, tileBytes/4/c.Model.Vocab))
	l.group = max(1, hiddenBytes/(4*o.Scored()*c.Model.Width))
	l.logits = make([]float32, l.tile*c.Model.Vocab)
	l.task = compareTask{l: l, workers: make([]scratch, c.Threads())}
	return l, nil
}

// Chunks is how many chunks there are.
func (l *Lockstep) Chunks() int { return l.chunks }

// Scored is the positions of a chunk that are scored, Options.Scored.
func (l *Lockstep) Scored() int { return l.o.Scored() }

// Chunk compares caches of these plans with the reference on chunk k: result [plan][scored
// position]. After the reference and after each candidate it calls ran, unless that is nil. It ends
// when ctx is done, looked at between batches.
func (l *Lockstep) Chunk(ctx context.Context, k int, plans []*kv.Plan, ran func()) ([][]Position, error) {
	if k < 0 || k >= l.chunks {
		return nil, fmt.Errorf("there is no chunk %d: the text has %d, from 0", k, l.chunks)
	}
	l.text.chunk(l.tokens, k)
	if err := l.ref.run(ctx, k); err != nil {
		return nil, inChunk(k, err)
	}
	if ran == nil {
		ran = func() {}
	}
	ran()
	out := make([][]Position, len(plans))
	for lo := 0; lo < len(plans); lo += l.group {
		hi := min(lo+l.group, len(plans))
		for i, p := range plans[lo:hi] {
			c, err := l.c.Sibling(p)
			if err != nil {
				return nil, err
			}
			if len(l.hidden) == i {
				l.hidden = append(l.hidden, make([]float32, l.Scored()*l.c.Model.Width))
			}
			if err := l.run(ctx, c, l.hidden[i]); err != nil {
				c.Close()
				return nil, inChunk(k, err)
			}
			out[lo+i] = make([]Position, l.Scored())
			large := c.Cache.Bytes() > garbageBytes
			c.Close()
			if c = nil; large {
				runtime.GC()
			}
			ran()
		}
		if err := l.compare(ctx, k, lo == 0, out[lo:hi]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// run runs the chunk's tokens, but the last, which is only a target, and keeps the hidden states of
// the scored ones.
func (l *Lockstep) run(ctx context.Context, c *model.Context, hidden []float32) error {
	c.Clear()
	step, first := c.Batch, l.o.Context/2
	if l.o.Decode {
		step = 1
	}
	for lo := 0; lo < l.o.Context-1; lo += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(lo+step, l.o.Context-1)
		if err := c.Hidden(hidden[max(0, lo-first)*c.Model.Width:], l.tokens[lo:hi], max(0, first-lo)); err != nil {
			return err
		}
	}
	return nil
}

// compare fills out from the hidden states, tile by tile; visit reports whether the reference's
// logits are to be shown.
func (l *Lockstep) compare(ctx context.Context, k int, visit bool, out [][]Position) error {
	first, m := l.o.Context/2, l.c.Model
	for lo := 0; lo < l.Scored(); lo += l.tile {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(l.tile, l.Scored()-lo)
		if err := l.ref.load(lo, n); err != nil {
			return err
		}
		if r, ok := l.ref.(*live); ok && visit && l.Visit != nil {
			for i := range n {
				if err := l.Visit(Scored{Chunk: k, Pos: first + lo + i, Target: l.tokens[first+lo+i+1], Logits: r.rows[i].z}); err != nil {
					return err
				}
			}
		}
		for c := range out {
			l.task.out, l.task.targets = out[c][lo:lo+n], l.tokens[first+lo+1:]
			if err := l.c.Logits(l.logits[:n*m.Vocab], l.hidden[c][lo*m.Width:(lo+n)*m.Width]); err != nil {
				return err
			}
			if err := l.c.Pool().Run(&l.task); err != nil {
				return err
			}
			for i, p := range l.task.out {
				if !p.isNumber() {
					return Scored{Chunk: k, Pos: first + lo + i}.notNumbers()
				}
			}
		}
	}
	return nil
}

// compareTask scores a tile of one candidate.
type compareTask struct {
	l       *Lockstep
	workers []scratch
	out     []Position // of the tile
	targets []int32
}

func (t *compareTask) Do(w, workers int) {
	vocab := t.l.c.Model.Vocab
	lo, hi := cpu.Split(len(t.out), 1, w, workers)
	for i := lo; i < hi; i++ {
		t.out[i] = t.l.ref.compare(i, t.l.logits[i*vocab:][:vocab], t.targets[i], &t.workers[w])
	}
}

// live is a reference that runs in the same process.
type live struct {
	l      *Lockstep
	c      *model.Context
	hidden []float32 // [scored][width]
	z, e   []float32 // [tile][vocab]
	rows   []row     // [tile]
}

func (r *live) run(ctx context.Context, _ int) error {
	if r.hidden == nil {
		n := len(r.l.logits)
		r.z, r.e, r.rows = make([]float32, n), make([]float32, n), make([]row, r.l.tile)
		r.hidden = make([]float32, r.l.Scored()*r.c.Model.Width)
	}
	return r.l.run(ctx, r.c, r.hidden)
}

func (r *live) load(lo, n int) error {
	m := r.c.Model
	r.rows = r.rows[:n]
	if err := r.c.Logits(r.z[:n*m.Vocab], r.hidden[lo*m.Width:(lo+n)*m.Width]); err != nil {
		return err
	}
	return r.l.c.Pool().Run(r)
}

// Do prepares rows of the tile.
func (r *live) Do(w, workers int) {
	vocab := r.l.c.Model.Vocab
	lo, hi := cpu.Split(len(r.rows), 1, w, workers)
	for i := lo; i < hi; i++ {
		r.rows[i].set(r.z[i*vocab:][:vocab], r.e[i*vocab:][:vocab])
	}
}

func (r *live) compare(i int, logits []float32, target int32, s *scratch) Position {
	return r.rows[i].compare(logits, target, s)
}
