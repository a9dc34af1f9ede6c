package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/cpu/engine"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/program"
)

// Math is the form of the matrix products and scores.
type Math int

// The forms. Exact keeps activations and queries in f32, so that what differs between two runs is
// the cache alone. Fast rounds them to int8 where the other operand's type has a kernel for that.
const (
	Exact Math = iota
	Fast
)

func (m Math) String() string { return [...]string{"exact", "fast"}[m] }

// Options configure a context.
type Options struct {
	Plan       *kv.Plan // of the model's KVLayers
	Size       int      // positions of a sequence
	Batch      int      // tokens that go through the model together; 0 means 256
	Threads    int      // 0 means cpu.Threads()
	Math       Math
	Placements []Placement  // which device has which layers; nil for all on the processor
	Stop       func() error // Context.Stop

	Sequences int // 0 means 1
	Cells     int // rows of all sequences together, shared ones counted once; 0 means Size
}

// Context is sequences being run through a model: number 0 by Eval, Prefill and Decode, any of them
// by EvalBatch. It is for one goroutine at a time, its siblings included; Close ends its threads.
type Context struct {
	Model *Model
	Cache *kv.Cache
	Math  Math
	Batch int // tokens that go through the model together
	// asked between layers, on a device between batches: an error ends what runs; nil for nobody
	Stop func() error

	pool    *cpu.Pool
	stages  []stage // in the order of the layers
	sibling bool    // the threads and the engines are another's to end

	batch  program.Batch // that runs
	logits []float32     // [outputTile][vocab]
	mixed  mixed
	one    [1]int32
	run0   [1]kv.Run // of sequence 0
	newest []float32
	keep   func(int, []float32) error // remembers the logits, made once
}

// NewContext allocates a cache and the memory to run with it.
func (m *Model) NewContext(o Options) (*Context, error) {
	if err := m.fits(o.Plan); err != nil {
		return nil, err
	}
	if o.Batch <= 0 {
		o.Batch = 256
	}
	if w := m.program.Positions; w != nil && o.Size > w.Rows {
		return nil, fmt.Errorf("a context of %d positions: this %s model has vectors for %d", o.Size, m.Arch, w.Rows)
	}
	o.Batch = min(o.Batch, max(1, o.Size, o.Cells))
	stages, err := m.placed(o.Placements)
	if err != nil {
		return nil, err
	}
	for i := range stages {
		if m.adapted && stages[i].device != nil {
			return nil, errors.New("a model with adapters runs on the processor alone: GPUs have no products with them")
		}
		if s := &stages[i]; s.device == nil {
			s.Engine = engine.New(m.Table, m.program, s.Span)
		}
	}
	cache, err := m.newCache(stages, &o)
	if err != nil {
		return nil, err
	}
	c := &Context{Model: m, Cache: cache, Math: o.Math, Batch: o.Batch, Stop: o.Stop, stages: stages}
	c.keep = func(_ int, logits []float32) error { c.newest = logits; return nil }
	c.pool = cpu.NewPool(o.Threads, m.File.Guard)
	if err := c.start(&o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// fits says whether a plan is one for the model's KV layers.
func (m *Model) fits(plan *kv.Plan) error {
	if len(plan.Layers) != len(m.program.KV) {
		return fmt.Errorf("the plan is for %d KV layers and the model has %d", len(plan.Layers), len(m.program.KV))
	}
	for i := range plan.Layers {
		if o, a := plan.Layers[i].K.Effective.Offset, m.program.Attention[i]; o != nil && o.Layers[i].Mu != nil && (a.Latent != nil || a.NormsLast && a.KNorm != nil) {
			return fmt.Errorf("layer %d: keys of a %s model are normalised after RoPE or made of a latent: no offset can be taken out of them", m.program.KV[i].Index, m.Arch)
		}
	}
	return nil
}

// Sibling is another context with a cache of its own plan, of the same shape, run by the threads
// and in the memory of c. It costs its cache and nothing else, so that many can be compared in one
// process. Logits that one of them returned are valid until any of them runs. It ends with c; Close
// lets go of its cache before that, and must be called for one on a device.
func (c *Context) Sibling(plan *kv.Plan) (*Context, error) {
	if err := c.Model.fits(plan); err != nil {
		return nil, err
	}
	cache, err := c.Model.newCache(c.stages, &Options{Plan: plan, Size: c.Cache.Size, Batch: c.Batch, Sequences: c.Cache.Sequences, Cells: c.Cache.Cells})
	if err != nil {
		return nil, err
	}
	s := *c
	s.Cache, s.sibling, s.stages = cache, true, slices.Clone(c.stages)
	s.keep = func(_ int, logits []float32) error { s.newest = logits; return nil }
	for i := range s.stages {
		s.stages[i].rows = nil
	}
	if err := s.startRows(); err != nil {
		return nil, errors.Join(err, s.closeRows())
	}
	return &s, nil
}

// Close ends the context's threads and gives back what it has on devices. The threads of a sibling
// go on; what they ran last no longer holds its cache.
func (c *Context) Close() {
	c.closeRows()
	if !c.sibling {
		c.closeStages()
		c.pool.Close()
	}
}

// Pool is the context's threads, for work between two calls.
func (c *Context) Pool() *cpu.Pool { return c.pool }

// Threads is the number of threads the context computes with.
func (c *Context) Threads() int { return c.pool.Workers() }

// Len is the number of positions of sequence 0.
func (c *Context) Len() int { return c.Cache.Len() }

// Clear forgets all sequences.
func (c *Context) Clear() { c.Cache.Clear() }

// Truncate forgets the positions of sequence 0 from n on.
func (c *Context) Truncate(n int) error { return c.Cache.Truncate(n) }

// Eval runs tokens at the next positions of sequence 0, in batches. For every token from number
// from on it calls visit with the token's number in tokens and its logits, [Vocab], which are valid
// until visit returns. An error of visit ends it. After an error the cache is as it was before the
// call, or empty where a sliding window has moved on, a layer is recurrent, or a device failed
// while rows left the exact ones.
func (c *Context) Eval(tokens []int32, from int, visit func(i int, logits []float32) error) error {
	return c.run(tokens, func(lo, hi int) error { return c.rows(max(from, lo)-lo, hi-lo, lo, visit) })
}

// Hidden runs tokens as Eval does. For every token from number from on it copies the vector that
// the output matrix multiplies to dst, [len(tokens)-from][Width]; Logits takes it from there. Such
// a vector is small where a row of logits is not, so that many sequences can be run one after
// another and compared position by position afterwards.
func (c *Context) Hidden(dst []float32, tokens []int32, from int) error {
	return c.run(tokens, func(lo, hi int) error {
		if first := max(from, lo); first < hi {
			to := dst[(first-from)*c.Model.Width : (hi-from)*c.Model.Width]
			if err := c.last().Hidden(to, first-lo, hi-lo); err != nil {
				return err
			}
			return hiddenNumbers(to, c.Model.Width, first)
		}
		return nil
	})
}

// Logits computes dst, [n][Vocab], from what Hidden copied, [n][Width]. Whether they are numbers is
// the caller's to see.
func (c *Context) Logits(dst, hidden []float32) error {
	m, tile := c.Model, min(outputTile, c.Batch)
	for n := len(hidden) / m.Width; n > 0; n -= tile {
		k := min(n, tile)
		if err := c.last().Project(dst[:k*m.Vocab], hidden, k); err != nil {
			return err
		}
		dst, hidden = dst[k*m.Vocab:], hidden[k*m.Width:]
	}
	return nil
}

// run runs tokens and calls visit after each batch with the numbers of its tokens.
func (c *Context) run(tokens []int32, visit func(lo, hi int) error) error {
	start := c.Len()
	err := placed(c.batches(tokens, visit), 0, start)
	if err != nil && c.Len() > start {
		if back := c.Truncate(start); back != nil {
			// a sliding window has moved on, or a layer is recurrent: no state is better than a
			// wrong one
			c.Cache.RemoveSeq(0)
		}
	}
	return err
}

func (c *Context) batches(tokens []int32, visit func(lo, hi int) error) error {
	for i, t := range tokens {
		if t < 0 || int(t) >= c.Model.Vocab {
			return fmt.Errorf("token %d is %d: the vocabulary has %d", i, t, c.Model.Vocab)
		}
	}
	if n := c.Len() + len(tokens); n > c.Cache.Size {
		return fmt.Errorf("%d tokens after %d positions do not fit the context of %d", len(tokens), c.Len(), c.Cache.Size)
	}
	for lo, hi := 0, 0; lo < len(tokens); lo = hi {
		hi = lo + min(c.step(), len(tokens)-lo)
		c.run0[0] = kv.Run{N: hi - lo}
		if err := c.forward(tokens[lo:hi], c.run0[:]); err != nil {
			return err
		}
		if err := visit(lo, hi); err != nil {
			return err
		}
	}
	return nil
}

// step is the most tokens that all layers may take together. A layer that reads the cache of an
// earlier one must find it as the tokens would one by one, also where the last rows are kept exact
// and others have been packed since.
func (c *Context) step() int {
	n := c.Batch
	for _, layer := range c.Model.read {
		n = min(n, c.Cache.Step(layer))
	}
	return n
}

// Prefill runs tokens and returns the logits of the last, valid until the next call. There must be
// one token at least.
func (c *Context) Prefill(tokens []int32) ([]float32, error) {
	if len(tokens) == 0 {
		return nil, fmt.Errorf("no tokens to run")
	}
	err := c.Eval(tokens, len(tokens)-1, c.keep)
	return c.newest, err
}

// Decode runs one token and returns its logits, valid until the next call.
func (c *Context) Decode(token int32) ([]float32, error) {
	c.one[0] = token
	return c.Prefill(c.one[:])
}
