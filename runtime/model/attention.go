package model

import (
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

// attend is an Attention with its tensors.
type attend struct {
	layer               attention.Layer
	kv                  int  // KV layer
	reads               bool // from the cache of another layer, and stores nothing
	vIsK                bool // the values are the product of K
	gated               bool // the matrix of Q gives gates too
	qkv, out            *group
	qNorm, kNorm, vNorm *norm
	rope                *turns  // nil for none
	temper              *Temper // nil for none
}

func (a Attention) bind(b *binder) body {
	q, k, v := a.Heads*a.KeyDim, a.KVHeads*a.KeyDim, a.KVHeads*a.ValueDim
	o := a.Heads * a.ValueDim
	if a.Rope != nil && (a.Rope.Dims > a.KeyDim || a.Rope.Dims%2 != 0) {
		b.fail("layer %d: RoPE turns %d values of a head, which must be even, and its heads have %d", b.layer, a.Rope.Dims, a.KeyDim)
		return &attend{}
	}
	rows := q
	if a.Gated {
		rows = 2 * q
		b.scratch.gated = max(b.scratch.gated, rows)
	}
	fused := a.QKV != "" && b.has(b.name(string(a.QKV), "weight"))
	x := &attend{
		layer: attention.Layer{Heads: a.Heads, KVHeads: a.KVHeads, KeyDim: a.KeyDim, ValueDim: a.ValueDim,
			Scale: a.Scale, SoftCap: a.SoftCap, Window: a.Window},
		kv:    len(b.kv),
		gated: a.Gated,
		reads: a.K == "" && !fused, vIsK: a.V == "" && a.K != "" && !fused,
		qkv:   b.together(b.qkv(a, fused, rows, k, v)...),
		out:   b.together(b.linear(a.Out, o, b.width)),
		qNorm: b.norm(a.QNorm, a.KeyDim),
		kNorm: b.norm(a.KNorm, a.KeyDim),
		vNorm: b.norm(a.VNorm, a.ValueDim),
		rope:  b.rope(a.Rope), temper: a.Temper,
	}
	if a.Sinks != "" {
		x.layer.Sinks = b.vector(b.name(a.Sinks, "weight"), a.Heads)
	}
	if x.vIsK && k != v {
		b.fail("layer %d: values are the product of K, and heads of K have %d values, of V %d", b.layer, a.KeyDim, a.ValueDim)
	}
	if a.Gated && a.KeyDim != a.ValueDim {
		b.fail("layer %d: gates of %d values for heads of %d", b.layer, a.KeyDim, a.ValueDim)
	}
	own := kv.Layer{Index: b.layer, Heads: a.KVHeads, KeyDim: a.KeyDim, ValueDim: a.ValueDim, Window: a.Window}
	if x.reads {
		x.kv = b.cacheOf(own, a.CacheOf)
		b.read = append(b.read, x.kv)
		b.others = append(b.others, Other{Layer: b.layer, Reads: a.CacheOf})
	} else {
		b.kvOf[b.layer] = x.kv
		b.kv, b.attends = append(b.kv, own), append(b.attends, x)
	}
	b.scratch.q, b.scratch.k = max(b.scratch.q, q), max(b.scratch.k, k)
	b.scratch.v, b.scratch.o = max(b.scratch.v, v), max(b.scratch.o, o)
	return x
}

// qkv is the matrices of Q, K and V, of so many rows each. Those of one fused tensor are views of its rows, so that what
// follows does not know of the difference.
func (b *binder) qkv(a Attention, fused bool, q, k, v int) []*weight {
	if fused {
		w := b.linear(a.QKV, b.width, q+k+v)
		return []*weight{w.cut(0, q), w.cut(q, q+k), w.cut(q+k, q+k+v)}
	}
	ws := []*weight{b.linear(a.Q, b.width, q)}
	if a.K != "" {
		ws = append(ws, b.linear(a.K, b.width, k))
	}
	if a.V != "" {
		ws = append(ws, b.linear(a.V, b.width, v))
	}
	return ws
}

// cacheOf is the KV layer of an earlier layer, which must store what a layer would that reads from it.
func (b *binder) cacheOf(reader kv.Layer, layer int) int {
	i, ok := b.kvOf[layer]
	if !ok {
		b.fail("layer %d reads the cache of layer %d, which has none before it", b.layer, layer)
		return 0
	}
	if reader.Index = layer; reader != b.kv[i] {
		b.fail("layer %d reads the cache of layer %d and has other heads or another window", b.layer, layer)
	}
	return i
}

func (a *attend) forward(p *pass, y, x []float32) error {
	q := p.q
	if a.gated {
		q = p.gated
	}
	if err := p.matmul(a.qkv, x, q, p.k, p.v); err != nil {
		return err
	}
	p.heads.a = a
	if err := p.each(&p.heads, p.n); err != nil {
		return err
	}
	if rows := p.cache.Rows(a.kv); !a.reads && !rows.Exact() { // others are stored step by step
		if err := rows.Err(); err != nil {
			return err
		}
	}
	if p.observe != nil && !a.reads {
		p.observe(a.kv, p.raw[:p.n*a.layer.KVHeads*a.layer.KeyDim])
	}
	if err := a.attend(p); err != nil {
		return err
	}
	if a.gated {
		p.gates.p, p.gates.a = p, a
		if err := p.each(&p.gates, p.n); err != nil {
			return err
		}
	}
	return p.matmul(a.out, p.o, y)
}

// attend computes p.o from p.q and the cache. Where rows are kept exact the batch goes in steps, so that each token
// sees as exact what it would see if it came alone. A layer that reads another's cache comes after the last step: there
// the early tokens of a batch see packed what the owner of the cache saw exact.
func (a *attend) attend(p *pass) error {
	rows := p.cache.Rows(a.kv)
	for lo, hi := 0, p.n; lo < p.n; lo, hi = hi, p.n {
		if rows.Exact() && !a.reads {
			hi = lo + rows.Next()
			p.store.rows, p.store.a, p.store.lo = rows, a, lo
			if err := p.each(&p.store, hi-lo); err != nil {
				return err
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
		l := &a.layer
		p.batch = attention.Batch{Layer: l, KV: rows.Segments(), Pos: p.pos[lo:hi], Fast: p.fast, Offset: p.offsets[a.kv],
			Q: p.q[lo*l.Heads*l.KeyDim:], Out: p.o[lo*l.Heads*l.ValueDim:]}
		if p.cache.Sequences > 1 {
			p.batch.Seqs = p.seqs[lo:hi]
		}
		if err := p.attention.Run(&p.batch); err != nil {
			return err
		}
	}
	return nil
}

// storeTask stores a step of a batch in a layer that keeps rows exact.
type storeTask struct {
	p    *pass
	a    *attend
	rows *kv.Rows
	lo   int // first token
}

func (t *storeTask) Do(w, workers int) {
	p, l := t.p, &t.a.layer
	lo, hi := cpu.Split(t.rows.Shares(), 1, w, workers)
	ldk, ldv := l.KVHeads*l.KeyDim, l.KVHeads*l.ValueDim
	t.rows.Store(&p.workers[w].ws, p.k[t.lo*ldk:], ldk, p.v[t.lo*ldv:], ldv, lo, hi)
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
	ldk, ldv := l.KVHeads*l.KeyDim, l.KVHeads*l.ValueDim
	if t.a.vIsK {
		copy(p.v[lo*ldk:hi*ldk], p.k[lo*ldk:hi*ldk])
	}
	for j := lo; j < hi; j++ {
		q := p.q[j*l.Heads*l.KeyDim:][:l.Heads*l.KeyDim]
		if t.a.gated {
			t.a.split(q, p.gated[2*j*len(q):][:2*len(q)])
		}
		normalise(q, l.KeyDim, t.a.qNorm)
		t.turn(q, j)
		if t.a.temper != nil {
			t.a.temper.apply(q, p.pos[j])
		}
		if t.a.reads {
			continue
		}
		k := p.k[j*ldk:][:ldk]
		normalise(k, l.KeyDim, t.a.kNorm)
		if p.observe != nil {
			copy(p.raw[j*ldk:], k)
		}
		if o := p.offsets[t.a.kv]; o != nil {
			o.Take(k)
		}
		t.turn(k, j)
		normalise(p.v[j*ldv:][:ldv], l.ValueDim, t.a.vNorm)
	}
	if rows := p.cache.Rows(t.a.kv); !t.a.reads && !rows.Exact() {
		sides := rows.Segments()[0]
		sides.K.Store(&p.workers[w].ws, p.k, ldk, lo, hi)
		sides.V.Store(&p.workers[w].ws, p.v, ldv, lo, hi)
	}
}

// normalise applies a norm, nil for none, to heads of d values.
func normalise(x []float32, d int, n *norm) {
	for ; n != nil && len(x) > 0; x = x[d:] {
		n.apply(x[:d], x[:d])
	}
}

// turn applies RoPE to the heads x of token j.
func (t *headsTask) turn(x []float32, j int) {
	r := t.a.rope
	if r == nil {
		return
	}
	table, half := &t.p.ropes[r.index], r.dims/2
	for d := t.a.layer.KeyDim; len(x) > 0; x = x[d:] {
		r.apply(x[:d], table.cos[j*half:][:half], table.sin[j*half:][:half])
	}
}
