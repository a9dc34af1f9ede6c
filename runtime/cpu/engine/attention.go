package engine

import (
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/program"
)

// attend computes y from x.
func (p *pass) attend(a *program.AttentionStep, y, x []float32) error {
	q := p.q
	if a.Gated {
		q = p.gated
	}
	if a.Latent != nil {
		if err := p.latentQKV(a, x); err != nil {
			return err
		}
	} else if err := p.matmul(a.QKV, x, q, p.k, p.v); err != nil {
		return err
	}
	p.heads.a = a
	if err := p.each(&p.heads, p.n); err != nil {
		return err
	}
	if rows := p.cache.Rows(a.KV); !a.Reads && !rows.Exact() { // others are stored step by step
		if err := rows.Err(); err != nil {
			return err
		}
	}
	if p.observe != nil && !a.Reads {
		p.observe(a.KV, p.raw[:p.n*a.KVHeads*a.KeyDim])
	}
	if err := p.attendRows(a); err != nil {
		return err
	}
	if a.Gated {
		p.gates.p, p.gates.a = p, a
		if err := p.each(&p.gates, p.n); err != nil {
			return err
		}
	}
	o := p.o
	if a.Layer.Latent {
		o = p.latent.outputs(a)
		if err := p.eachHead(a.Latent.V, o, 0, p.o, 0, a.Heads, a.ValueDim); err != nil {
			return err
		}
	}
	return p.matmul(a.Out, o, y)
}

// attendRows computes p.o from p.q and the cache. Where rows are kept exact the batch goes in
// steps, so that each token sees as exact what it would see if it came alone. A layer that reads
// another's cache comes after the last step: there the early tokens of a batch see packed what the
// owner of the cache saw exact.
func (p *pass) attendRows(a *program.AttentionStep) error {
	rows := p.cache.Rows(a.KV)
	for lo, hi := 0, p.n; lo < p.n; lo, hi = hi, p.n {
		if rows.Exact() && !a.Reads {
			hi = lo + rows.Next()
			p.store.rows, p.store.a, p.store.lo = rows, a, lo
			if err := p.each(&p.store, hi-lo); err != nil {
				return err
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
		l := &a.Layer
		p.batch = attention.Batch{Layer: l, KV: rows.Segments(), Pos: p.pos[lo:hi], Fast: p.fast, Offset: p.offsets[a.KV],
			Q: p.q[lo*l.Heads*l.QueryDim():], Out: p.o[lo*l.Heads*l.ValueDim:]}
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
	a    *program.AttentionStep
	rows *kv.Rows
	lo   int // first token
}

func (t *storeTask) Do(w, workers int) {
	p, l := t.p, &t.a.Layer
	lo, hi := cpu.Split(t.rows.Shares(), 1, w, workers)
	ldk, ldv := l.KVHeads*l.KeyDim, l.KVHeads*l.ValueDim
	t.rows.Store(&p.workers[w].ws, p.k[t.lo*ldk:], ldk, p.v[t.lo*ldv:], ldv, lo, hi)
}

// headsTask normalises the heads of Q, K and V, applies RoPE to those of Q and K, and stores K and
// V.
type headsTask struct {
	p *pass
	a *program.AttentionStep
}

func (t *headsTask) Do(w, workers int) {
	p, l := t.p, &t.a.Layer
	lo, hi := cpu.Split(p.n, 1, w, workers)
	if lo == hi {
		return
	}
	ldk, ldv := l.KVHeads*l.KeyDim, l.KVHeads*l.ValueDim
	if t.a.VIsK {
		copy(p.v[lo*ldk:hi*ldk], p.k[lo*ldk:hi*ldk])
	}
	for j := lo; j < hi; j++ {
		q := p.q[j*l.Heads*l.QueryDim():][:l.Heads*l.QueryDim()]
		if t.a.Gated {
			splitGates(t.a, q, p.gated[2*j*len(q):][:2*len(q)])
		}
		t.rotate(q, j, l.QueryDim(), t.a.QNorm, nil)
		if t.a.Temperature != nil {
			scaleQuery(p.vec, t.a.Temperature, q, p.pos[j])
		}
		if t.a.Reads {
			continue
		}
		k := p.k[j*ldk:][:ldk]
		t.rotate(k, j, l.KeyDim, t.a.KNorm, func() {
			if p.observe != nil {
				copy(p.raw[j*ldk:], k)
			}
			if o := p.offsets[t.a.KV]; o != nil {
				o.Subtract(p.vec, k)
			}
		})
		normaliseHeads(p.vec, p.v[j*ldv:][:ldv], l.ValueDim, t.a.VNorm)
	}
	if rows := p.cache.Rows(t.a.KV); !t.a.Reads && !rows.Exact() {
		sides := rows.Segments()[0]
		sides.K.Store(&p.workers[w].ws, p.k, ldk, lo, hi)
		sides.V.Store(&p.workers[w].ws, p.v, ldv, lo, hi)
	}
}

// rotate normalises the heads x of token j, of dim values each, and applies RoPE, in the order of
// the layer; before is called before RoPE.
func (t *headsTask) rotate(x []float32, j, dim int, n *program.NormWeights, before func()) {
	d := dim
	if t.a.Whole {
		d = len(x)
	}
	if !t.a.NormsLast {
		normaliseHeads(t.p.vec, x, d, n)
	}
	if before != nil {
		before()
	}
	t.rope(x, j, dim)
	if t.a.NormsLast {
		normaliseHeads(t.p.vec, x, d, n)
	}
}

// normaliseHeads applies a norm, nil for none, to heads of d values.
func normaliseHeads(v cpu.Vec, x []float32, d int, n *program.NormWeights) {
	for ; n != nil && len(x) > 0; x = x[d:] {
		normalise(v, n, x[:d], x[:d])
	}
}

// rope applies RoPE to the heads x of token j, of dim values each.
func (t *headsTask) rope(x []float32, j, dim int) {
	if t.a.Rope < 0 {
		return
	}
	r := &t.p.ropes[t.a.Rope]
	half := r.Dims / 2
	for ; len(x) > 0; x = x[dim:] {
		r.apply(t.p.vec, x[:t.a.KeyDim], r.cos[j*half:][:half], r.sin[j*half:][:half])
	}
}
