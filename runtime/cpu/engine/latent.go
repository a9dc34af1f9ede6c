package engine

import (
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// latentTask makes the queries, keys and values of an attention over a latent vector. RoPE comes
// first in each head here, where the file has it last.
type latentTask struct {
	p *pass
	a *program.AttentionStep

	down    []float32 // [n][QRank] what queries are made of
	queries []float32 // [n][Heads][Plain, Tail]
	latent  []float32 // [n][Rank, Tail]
	c       []float32 // [n][Rank] normalised, where it is not p.v
	up      []float32 // [n][Heads][Plain, ValueDim]
	out     []float32 // [n][Heads][value]
	spread  bool      // keys and values of every head are made of up
}

// latentQKV makes p.q, p.k and p.v of x.
func (p *pass) latentQKV(a *program.AttentionStep, x []float32) error {
	t, l := &p.latent, a.Latent
	t.p, t.a, t.spread = p, a, false
	t.queries = grow(t.queries, p.n*a.Heads*(l.Plain+l.Tail))
	t.latent = grow(t.latent, p.n*(l.Rank+l.Tail))
	first := t.queries
	if l.Q != nil {
		t.down = grow(t.down, p.n*a.QKV.Parts[0].Rows)
		first = t.down
	}
	if err := p.matmul(a.QKV, x, first, t.latent); err != nil {
		return err
	}
	if l.Q != nil {
		for d := a.QKV.Parts[0].Rows; len(first) > 0; first = first[d:] {
			normalise(p.vec, l.QNorm, first[:d], first[:d])
		}
		if err := p.matmul(l.Q, t.down, t.queries); err != nil {
			return err
		}
	}
	if l.Up != nil {
		t.c = grow(t.c, p.n*l.Rank)
	}
	if err := p.each(t, p.n); err != nil {
		return err
	}
	if l.Up == nil {
		return p.eachHead(l.K, p.q, l.Tail, t.queries, 0, a.Heads, l.Plain+l.Tail)
	}
	t.up = grow(t.up, p.n*l.Up.Parts[0].Rows)
	if err := p.matmul(l.Up, t.c, t.up); err != nil {
		return err
	}
	t.spread = true
	return p.each(t, p.n)
}

// outputs is room for the outputs of the heads of a.
func (t *latentTask) outputs(a *program.AttentionStep) []float32 {
	t.out = grow(t.out, t.p.n*a.Latent.V.Parts[0].Rows)
	return t.out
}

func (t *latentTask) Do(w, workers int) {
	p, a, l := t.p, t.a, t.a.Latent
	lo, hi := cpu.Split(p.n, 1, w, workers)
	dim := a.QueryDim()
	for j := lo; j < hi; j++ {
		from := t.latent[j*(l.Rank+l.Tail):][:l.Rank+l.Tail]
		if !t.spread {
			for h := range a.KVHeads {
				copy(p.k[(j*a.KVHeads+h)*a.KeyDim:][:l.Tail], from[l.Rank:])
			}
			normalise(p.vec, l.Norm, t.normed(l, j), from[:l.Rank])
		}
		for h := range a.Heads {
			q, to := t.queries[(j*a.Heads+h)*(l.Plain+l.Tail):][:l.Plain+l.Tail], p.q[(j*a.Heads+h)*dim:][:dim]
			copy(to, q[l.Plain:])
			if t.spread {
				copy(to[l.Tail:], q[:l.Plain])
				up := t.up[(j*a.Heads+h)*(l.Plain+a.ValueDim):]
				copy(p.k[(j*a.Heads+h)*dim+l.Tail:][:l.Plain], up)
				copy(p.v[(j*a.Heads+h)*a.ValueDim:][:a.ValueDim], up[l.Plain:])
			}
		}
	}
}

// normed is where the latent of token j goes after its norm: it is the value where products are
// absorbed.
func (t *latentTask) normed(l *program.Latent, j int) []float32 {
	to := t.c
	if l.Up == nil {
		to = t.p.v
	}
	return to[j*l.Rank:][:l.Rank]
}

// perHeadTask multiplies each head of some rows by a matrix of its own, in f32: the matrices are
// small beside what is kept of a context.
type perHeadTask struct {
	p          *pass
	g          *product
	x, y       []float32
	atX, atY   int // where a head begins in its part of a row
	dimX, dimY int // of a head's part
	heads      int
}

// eachHead computes y[token][head][atY:] = matrix of the head . x[token][head][atX:]. dimX is the
// values of a head of x; a head of y has atY more than its matrix has rows.
func (p *pass) eachHead(s *program.Products, y []float32, atY int, x []float32, atX, heads, dimX int) error {
	g := p.productOf(s)
	p.perHead = perHeadTask{p: p, g: g, x: x, y: y, atX: atX, atY: atY, dimX: dimX, dimY: atY + g.parts[0].Rows/heads, heads: heads}
	return p.pool.Run(&p.perHead)
}

func (t *perHeadTask) Do(w, workers int) {
	q, s := &t.g.parts[0], &t.p.workers[w]
	rows := q.Rows / t.heads
	lo, hi := cpu.Split(t.heads, 1, w, workers)
	for h := lo; h < hi; h++ {
		x, ld := t.x[h*t.dimX+t.atX:], t.heads*t.dimX
		if d := q.Type.Domain; d != nil {
			s.out = grow(s.out, t.p.n*q.N)
			for j := range t.p.n {
				copy(s.out[j*q.N:][:q.N], x[j*ld:])
			}
			d.Best().Forward(s.out[:t.p.n*q.N])
			x, ld = s.out, q.N
		}
		q.impl.Matmul(t.y[h*t.dimY+t.atY:], t.heads*t.dimY, x, ld, t.p.n, q.span(h*rows, rows), q.stride, rows, q.N, &s.ws)
	}
}
