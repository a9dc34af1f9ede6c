package model

import (
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

// attend is an Attention with its tensors.
type attend struct {
	layer        attention.Layer
	kv           int // KV layer
	qkv, out     *group
	qNorm, kNorm *norm
	rope         *turns  // nil for none
	temper       *Temper // nil for none
}

func (a Attention) bind(b *binder) body {
	q, k, v := a.Heads*a.KeyDim, a.KVHeads*a.KeyDim, a.KVHeads*a.ValueDim
	o := a.Heads * a.ValueDim
	if a.Rope != nil && a.Rope.Dims > a.KeyDim {
		b.fail("layer %d: RoPE turns %d values of a head and its heads have %d", b.layer, a.Rope.Dims, a.KeyDim)
		return &attend{}
	}
	x := &attend{
		layer: attention.Layer{Heads: a.Heads, KVHeads: a.KVHeads, KeyDim: a.KeyDim, ValueDim: a.ValueDim,
			Scale: a.Scale, SoftCap: a.SoftCap, Window: a.Window},
		kv:    len(b.kv),
		qkv:   b.together(b.qkv(a, q, k, v)...),
		out:   b.together(b.linear(a.Out, o, b.width)),
		qNorm: b.norm(a.QNorm, a.KeyDim),
		kNorm: b.norm(a.KNorm, a.KeyDim),
		rope:  b.rope(a.Rope), temper: a.Temper,
	}
	if a.Sinks != "" {
		x.layer.Sinks = b.vector(b.name(a.Sinks, "weight"), a.Heads)
	}
	b.kv = append(b.kv, kv.Layer{Index: b.layer, Heads: a.KVHeads, KeyDim: a.KeyDim, ValueDim: a.ValueDim, Window: a.Window})
	b.attends = append(b.attends, x)
	b.scratch.q, b.scratch.k = max(b.scratch.q, q), max(b.scratch.k, k)
	b.scratch.v, b.scratch.o = max(b.scratch.v, v), max(b.scratch.o, o)
	return x
}

// qkv is the matrices of Q, K and V, of so many rows each. Those of one fused tensor are views of its rows, so that what
// follows does not know of the difference.
func (b *binder) qkv(a Attention, q, k, v int) []*weight {
	if a.QKV != "" && b.has(b.name(string(a.QKV), "weight")) {
		w := b.linear(a.QKV, b.width, q+k+v)
		return []*weight{w.cut(0, q), w.cut(q, q+k), w.cut(q+k, q+k+v)}
	}
	return []*weight{b.linear(a.Q, b.width, q), b.linear(a.K, b.width, k), b.linear(a.V, b.width, v)}
}

func (a *attend) forward(p *pass, y, x []float32) error {
	if err := p.matmul(a.qkv, x, p.q, p.k, p.v); err != nil {
		return err
	}
	p.heads.a = a
	if err := p.each(&p.heads, p.n); err != nil {
		return err
	}
	p.batch = attention.Batch{Layer: &a.layer, KV: p.cache.Layer(a.kv), Pos: p.pos, Q: p.q, Out: p.o, Fast: p.fast}
	if err := p.attention.Run(&p.batch); err != nil {
		return err
	}
	return p.matmul(a.out, p.o, y)
}

// headsTask normalises and turns the heads of Q and K and stores K and V.
type headsTask struct {
	p *pass
	a *attend
}

func (t *headsTask) Do(w, workers int) {
	p, l := t.p, &t.a.layer
	lo, hi := cpu.Split(p.n, 1, w, workers)
	if lo == hi {
		return
	}
	for j := lo; j < hi; j++ {
		q := p.q[j*l.Heads*l.KeyDim:][:l.Heads*l.KeyDim]
		t.turn(q, j, t.a.qNorm)
		if t.a.temper != nil {
			t.a.temper.apply(q, p.pos[j])
		}
		t.turn(p.k[j*l.KVHeads*l.KeyDim:][:l.KVHeads*l.KeyDim], j, t.a.kNorm)
	}
	sides := p.cache.Layer(t.a.kv)
	sides.K.Store(&p.workers[w].ws, p.k, l.KVHeads*l.KeyDim, lo, hi)
	sides.V.Store(&p.workers[w].ws, p.v, l.KVHeads*l.ValueDim, lo, hi)
}

// turn applies norm and RoPE to the heads x of token j.
func (t *headsTask) turn(x []float32, j int, n *norm) {
	for d := t.a.layer.KeyDim; len(x) > 0; x = x[d:] {
		if n != nil {
			n.apply(x[:d], x[:d])
		}
		if r := t.a.rope; r != nil {
			table, half := &t.p.ropes[r.index], r.dims/2
			r.apply(x[:d], table.cos[j*half:][:half], table.sin[j*half:][:half])
		}
	}
}
