package model

import (
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

// host is the engine of the processor.
type host struct {
	pass *pass
	out  output
}

// newHost chooses the kernels of a stage; start must follow.
func newHost(m *Model, s Span) *host {
	h := &host{pass: newPass(m.Table, m.program, s)}
	h.out.p = h.pass
	return h
}

// start makes the memory to run with.
func (h *host) start(pool *cpu.Pool, o *Options) {
	h.pass.start(pool, o.Size, o.Batch, o.Math == Fast)
}

// hostRows is the rows of a cache that keeps them itself.
type hostRows struct {
	h       *host
	cache   *kv.Cache
	offsets []*attention.Offset // by KV layer
}

func (h *host) Rows(c *kv.Cache) (StageRows, error) {
	c.HoldLayers(h.pass.span.KV.Lo, h.pass.span.KV.Hi)
	return &hostRows{h: h, cache: c, offsets: h.pass.offsetsOf(c.Plan, c.Size)}, nil
}

func (h *host) Forward(rows StageRows, b *Batch) error {
	r, p := rows.(*hostRows), h.pass
	p.cache, p.offsets, p.stop = r.cache, r.offsets, b.Stop
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

func (h *host) Hidden(dst []float32, lo, hi int) error {
	h.out.hidden(dst, lo, hi)
	return nil
}

func (h *host) Logits(dst []float32, lo, hi int) error { return h.out.logits(dst, lo, hi) }

func (h *host) Project(dst, hidden []float32, n int) error { return h.out.project(dst, hidden, n) }

func (h *host) Close() error { return nil }

// Pull and Push have nothing to do: the cache has the rows.
func (r *hostRows) Pull() error { return nil }
func (r *hostRows) Push() error { return nil }

// CopySeq has nothing to do: the cache copies its states itself.
func (r *hostRows) CopySeq(from, to int) error { return nil }

// Close lets go of the cache, also where it ran last.
func (r *hostRows) Close() error {
	if p := r.h.pass; p.cache == r.cache {
		p.cache, p.batch = nil, attention.Batch{}
	}
	r.cache = nil
	return nil
}
