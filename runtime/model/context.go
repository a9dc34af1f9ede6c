package model

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

// Math is the form of the matrix products and scores.
type Math int

// The forms. Exact keeps activations and queries in f32, so that what differs between two runs is the cache alone. Fast
// rounds them to int8 where the other operand's type has a kernel for that.
const (
	Exact Math = iota
	Fast
)

func (m Math) String() string { return [...]string{"exact", "fast"}[m] }

// Options configure a context.
type Options struct {
	Plan    *kv.Plan // of the model's KVLayers
	Size    int      // positions
	Batch   int      // tokens that go through the model together; 0 means 256
	Threads int      // 0 means one per core
	Math    Math
}

// Context is one sequence being run through a model. It is for one goroutine at a time; Close ends its threads.
type Context struct {
	Model *Model
	Cache *kv.Cache
	Math  Math
	Batch int // tokens that go through the model together

	pool *cpu.Pool
	pass *pass
	out  output
}

// NewContext allocates a cache and the memory to run with it.
func (m *Model) NewContext(o Options) (*Context, error) {
	if len(o.Plan.Layers) != len(m.kv) {
		return nil, fmt.Errorf("the plan is for %d KV layers and the model has %d", len(o.Plan.Layers), len(m.kv))
	}
	if o.Batch <= 0 {
		o.Batch = 256
	}
	o.Batch = min(o.Batch, max(1, o.Size))
	cache, err := kv.New(o.Plan, o.Size, o.Batch)
	if err != nil {
		return nil, err
	}
	pool := cpu.NewPool(o.Threads, m.File.Guard)
	c := &Context{Model: m, Cache: cache, Math: o.Math, Batch: o.Batch, pool: pool}
	c.pass = newPass(m, pool, cache, o.Batch, o.Math == Fast)
	c.out.p, c.out.visit = c.pass, c.out.keep
	return c, nil
}

// Close ends the context's threads.
func (c *Context) Close() { c.pool.Close() }

// Threads is the number of threads the context computes with.
func (c *Context) Threads() int { return c.pool.Workers() }

// Len is the number of positions in the cache.
func (c *Context) Len() int { return c.Cache.Len() }

// Clear forgets the sequence.
func (c *Context) Clear() { c.Cache.Clear() }

// Truncate forgets the positions from n on.
func (c *Context) Truncate(n int) error { return c.Cache.Truncate(n) }

// Eval runs tokens at the next positions, in batches. For every token from number from on it calls visit with the
// token's number in tokens and its logits, [Vocab], which are valid until visit returns. An error of visit ends it.
// After an error the cache is as it was before the call, or empty where a sliding window has moved on.
func (c *Context) Eval(tokens []int32, from int, visit func(i int, logits []float32) error) error {
	start := c.Len()
	err := c.eval(tokens, from, visit)
	if err != nil && c.Len() > start {
		if back := c.Truncate(start); back != nil {
			c.Clear() // a sliding window has moved on: no state is better than a wrong one
		}
	}
	return err
}

func (c *Context) eval(tokens []int32, from int, visit func(int, []float32) error) error {
	for i, t := range tokens {
		if t < 0 || int(t) >= c.Model.Vocab {
			return fmt.Errorf("token %d is %d: the vocabulary has %d", i, t, c.Model.Vocab)
		}
	}
	if n := c.Len() + len(tokens); n > c.Cache.Size {
		return fmt.Errorf("%d tokens after %d positions do not fit the context of %d", len(tokens), c.Len(), c.Cache.Size)
	}
	for lo := 0; lo < len(tokens); lo += c.Batch {
		hi := min(lo+c.Batch, len(tokens))
		if err := c.pass.forward(tokens[lo:hi]); err != nil {
			return err
		}
		if err := c.out.rows(max(from, lo)-lo, hi-lo, lo, visit); err != nil {
			return err
		}
	}
	return nil
}

// Prefill runs tokens and returns the logits of the last, valid until the next call. There must be one token at least.
func (c *Context) Prefill(tokens []int32) ([]float32, error) {
	if len(tokens) == 0 {
		return nil, fmt.Errorf("no tokens to run")
	}
	err := c.Eval(tokens, len(tokens)-1, c.out.visit)
	return c.out.last, err
}

// Decode runs one token and returns its logits, valid until the next call.
func (c *Context) Decode(token int32) ([]float32, error) {
	c.out.one[0] = token
	return c.Prefill(c.out.one[:])
}
