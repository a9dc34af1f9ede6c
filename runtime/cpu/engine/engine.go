// Package engine runs a model's Program on the processor: its steps as tasks of a pool of threads,
// with the best kernels that the processor has. Package runtime/gpu/engine does the same on a GPU.
package engine

import (
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/program"
)

// Engine is the program.Engine of the processor.
type Engine struct {
	pass *pass
	out  output
}

var _ program.Engine = (*Engine)(nil)

// New chooses the kernels of a part of a program. Start must follow.
func New(table *kernels.Table, p *program.Program, s program.Span) *Engine {
	e := &Engine{pass: newPass(table, p, s)}
	e.out.p = e.pass
	return e
}

// Bytes is about what Start allocates for batches of so many tokens.
func (e *Engine) Bytes(batch int) int64 { return e.pass.sizes.bytes(batch) }

// Start makes the memory to run with, for batches of at most so many tokens in contexts of size
// positions. Fast rounds activations and queries to int8 where the other operand's type has a
// kernel for that.
func (e *Engine) Start(pool *cpu.Pool, size, batch int, fast bool) {
	e.pass.start(pool, size, batch, fast)
}

// Observe has see called for every KV layer of each batch with its keys as they are before RoPE and
// after a norm, [n][KVHeads*KeyDim], valid until it returns. batch is the most tokens of one.
func (e *Engine) Observe(batch int, see func(layer int, k []float32)) {
	p := e.pass
	p.observe, p.raw = see, grow(p.raw, batch*p.sizes.k)
}

// Rows is the rows of a cache, which keeps them itself.
type Rows struct {
	e       *Engine
	cache   *kv.Cache
	Offsets []*attention.Offset // by KV layer, nil for those without one
}

// Rows has the cache keep the rows of the part's layers itself.
func (e *Engine) Rows(c *kv.Cache) (program.StageRows, error) {
	c.HoldLayers(e.pass.span.KV.Lo, e.pass.span.KV.Hi)
	return &Rows{e: e, cache: c, Offsets: e.pass.offsetsOf(c.Plan, c.Size)}, nil
}

// Forward runs a batch through the part.
func (e *Engine) Forward(rows program.StageRows, b *program.Batch) error {
	r, p := rows.(*Rows), e.pass
	p.cache, p.offsets, p.stop = r.cache, r.Offsets, b.Stop
	n := len(b.Tokens) * p.width
	if !p.span.Embeds {
		copy(p.x[:n], b.X)
		if p.span.Inputs {
			p.inputs.x = b.Inputs
		}
	}
	if err := p.forward(b.Tokens, b.Runs); err != nil {
		return err
	}
	if !p.span.Output {
		copy(b.X, p.x[:n])
	}
	if p.span.Embeds && b.Inputs != nil {
		copy(b.Inputs, p.inputs.x)
	}
	return nil
}

// Hidden copies the vectors that the output matrix multiplies.
func (e *Engine) Hidden(dst []float32, lo, hi int) error {
	e.out.hidden(dst, lo, hi)
	return nil
}

// Logits is those of tokens lo..hi-1 of the last batch.
func (e *Engine) Logits(dst []float32, lo, hi int) error { return e.out.logits(dst, lo, hi) }

// Project is the logits of n vectors that Hidden gave.
func (e *Engine) Project(dst, hidden []float32, n int) error { return e.out.project(dst, hidden, n) }

// Close has nothing to give back.
func (e *Engine) Close() error { return nil }

// Pull and Push have nothing to do: the cache has the rows.
func (r *Rows) Pull() error { return nil }
func (r *Rows) Push() error { return nil }

// CopySeq has nothing to do: the cache copies its states itself.
func (r *Rows) CopySeq(from, to int) error { return nil }

// Close lets go of the cache, also where it ran last.
func (r *Rows) Close() error {
	if p := r.e.pass; p.cache == r.cache {
		p.cache, p.batch = nil, attention.Batch{}
	}
	r.cache = nil
	return nil
}
