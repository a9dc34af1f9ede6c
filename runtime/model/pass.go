package model

import (
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

// sizes is the scratch that a model needs per token, in values.
type sizes struct {
	width, q, k, v, o, inner int
	gated                    int // queries with their gates
	preps                    int // most preparations of one input
}

// bytes is about what a pass of so many tokens takes.
func (s sizes) bytes(batch int) int64 {
	return 4 * int64(batch) * int64(3*s.width+s.q+s.k+s.v+s.o+2*s.inner+s.gated+s.preps*max(s.width, s.inner, s.o))
}

// pass is one batch on its way through the model, and the memory for it.
type pass struct {
	m         *Model
	pool      *cpu.Pool
	workers   []scratch
	cache     *kv.Cache
	attention *attention.Driver
	batch     attention.Batch
	fast      bool

	n          int       // tokens
	tokens     []int32   // [n]
	pos        []int32   // [n]
	runs       []kv.Run  // the sequences of the tokens, in order
	seqs       []int32   // [n] the same by token
	x, h, y    []float32 // [n][width] residual stream, input and output of a branch
	q, k, v, o []float32 // [n][heads][head size]
	gated      []float32 // [n][heads][query, gate]
	gate, up   []float32 // [n][inner]
	ropes      []ropeTable

	offsets []*attention.Offset          // by KV layer, of the context that runs
	turned  []*attention.Turn            // those made so far
	stop    func() error                 // asked between blocks; nil for nobody
	observe func(layer int, k []float32) // sees the keys of a batch before RoPE, [n][KVHeads*KeyDim]; nil for nobody
	raw     []float32                    // what it sees

	prep  prepTask
	mul   mulTask
	heads headsTask
	store storeTask
	embed embedTask
	step  stepTask

	normed   normTask // of the experts' input
	branch   normTask // of a branch of a sum
	sums     sumTask
	gates    gatesTask
	switcher switchTask
	delta    deltaPass
	inputs   inputsTask
	route    routing
	mixture  mixture
}

// scratch is the memory of one worker.
type scratch struct {
	ws  kernels.Workspace
	act kernels.Act // view of a tile of tokens
	out []float32   // of a task, for itself
	_   [64]byte
}

func newPass(m *Model, pool *cpu.Pool, cache *kv.Cache, batch int, fast bool) *pass {
	s := m.scratch
	floats := func(n int) []float32 { return make([]float32, batch*n) }
	p := &pass{m: m, pool: pool, cache: cache, fast: fast, workers: make([]scratch, pool.Workers()),
		attention: attention.New(pool), pos: make([]int32, 0, batch), seqs: make([]int32, 0, batch),
		x: floats(s.width), h: floats(s.width), y: floats(s.width),
		q: floats(s.q), k: floats(s.k), v: floats(s.v), o: floats(s.o), gate: floats(s.inner), up: floats(s.inner), gated: floats(s.gated),
	}
	for _, t := range m.turns {
		p.ropes = append(p.ropes, ropeTable{freq: t.at(cache.Size), magnitude: t.magnitude, cos: floats(t.dims / 2), sin: floats(t.dims / 2)})
	}
	p.prep = prepTask{p: p, acts: make([]kernels.Act, s.preps), turned: make([][]float32, s.preps)}
	p.mul.p, p.heads.p, p.store.p, p.embed.p, p.step.p = p, p, p, p, p
	p.mixture.p, p.mixture.in.mixture, p.mixture.out.mixture = p, &p.mixture, &p.mixture
	return p
}

// each runs a task on the pool, or here when there is but one item.
func (p *pass) each(t cpu.Task, items int) error {
	if items == 1 {
		t.Do(0, 1)
		return nil
	}
	return p.pool.Run(t)
}

// forward runs tokens, at most a batch, at the next positions of their sequences; p.x then holds the residual stream.
func (p *pass) forward(tokens []int32, runs []kv.Run) error {
	p.tokens, p.n, p.runs, p.pos, p.seqs = tokens, len(tokens), runs, p.pos[:0], p.seqs[:0]
	for _, r := range runs {
		first := p.cache.LenSeq(r.Seq)
		for i := range r.N {
			p.pos, p.seqs = append(p.pos, int32(first+i)), append(p.seqs, int32(r.Seq))
		}
	}
	if err := p.cache.PlaceRuns(runs); err != nil {
		return err
	}
	for i := range p.ropes {
		p.ropes[i].fill(p.pos)
	}
	if err := p.pool.Run(&p.embed); err != nil {
		return err
	}
	blocks := p.m.blocks
	if p.m.inputs != nil {
		if err := p.m.inputs.run(p); err != nil {
			return err
		}
	}
	p.step.post, p.step.add, p.step.scale = nil, false, 1
	for i := range blocks {
		if p.stop != nil {
			if err := p.stop(); err != nil {
				return err
			}
		}
		p.step.pre = blocks[i].pre
		if err := p.each(&p.step, p.n); err != nil {
			return err
		}
		in := p.h
		if blocks[i].pre == nil {
			in = p.x
		}
		if err := blocks[i].body.forward(p, p.y, in); err != nil {
			return err
		}
		p.step.post, p.step.add, p.step.scale = blocks[i].post, true, blocks[i].scale
	}
	p.step.pre = nil
	return p.each(&p.step, p.n)
}

// embedTask looks the tokens up, and their positions where these have vectors.
type embedTask struct{ p *pass }

func (t *embedTask) Do(w, workers int) {
	p, e := t.p, t.p.m.embedding
	lo, hi := cpu.Split(p.n, 1, w, workers)
	for j := lo; j < hi; j++ {
		x := p.x[j*e.n:][:e.n]
		e.row(x, int(p.tokens[j]))
		if s := p.m.scale; s != 1 {
			cpu.Scale(x, s)
		}
		if w := p.m.positions; w != nil {
			h := p.h[j*e.n:][:e.n] // free until the first norm
			w.row(h, int(p.pos[j]))
			cpu.Add(x, h)
		}
	}
}

// stepTask goes from one block to the next: the residual stream takes the output of the last, h becomes the input of
// the next.
type stepTask struct {
	p         *pass
	add       bool    // there is a last block
	scale     float32 // of the stream after the last block
	post, pre *norm   // of the last block and of the next, nil for none
}

func (t *stepTask) Do(w, workers int) {
	p, n := t.p, t.p.m.scratch.width
	lo, hi := cpu.Split(p.n, 1, w, workers)
	for j := lo; j < hi; j++ {
		x, y := p.x[j*n:][:n], p.y[j*n:][:n]
		if t.add && t.post != nil {
			t.post.apply(y, y)
		}
		if t.add {
			cpu.Add(x, y)
		}
		if t.scale != 1 {
			cpu.Scale(x, t.scale)
		}
		if t.pre != nil {
			t.pre.apply(p.h[j*n:][:n], x)
		}
	}
}
