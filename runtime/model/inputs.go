package model

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
)

// Inputs gives each layer a small vector of its own, made of the token and of its embedding x:
//
//	input = (Norm(Projection . x / sqrt(width)) + sqrt(Size) * Embedding[token]) / sqrt(2)
//
// Embedding and Projection have the rows of all layers, one layer after another.
type Inputs struct {
	Size                  int // values of a layer's input
	Embedding, Projection Linear
	Norm                  Norm
}

// inputs is an Inputs with its tensors.
type inputs struct {
	size, layers int
	embedding    *weight
	projection   *group
	norm         *norm
}

func (i *Inputs) bind(b *binder, vocab, layers int) *inputs {
	n := i.Size * layers
	return &inputs{size: i.Size, layers: layers,
		embedding:  b.find(string(i.Embedding)+".weight", n, max(1, vocab)),
		projection: b.together(b.linear(i.Projection, b.width, n)),
		norm:       b.norm(i.Norm, i.Size),
	}
}

// run computes the inputs of a batch from its embeddings, which are in the residual stream.
func (i *inputs) run(p *pass) error {
	t := &p.inputs
	t.p, t.i, t.x = p, i, grow(t.x, p.n*i.size*i.layers)
	if err := p.matmul(i.projection, p.x, t.x); err != nil {
		return err
	}
	return p.pool.Run(t) // by workers at all times: rows of the file are read under the pool's guard
}

// inputsTask turns projections into inputs.
type inputsTask struct {
	p *pass
	i *inputs
	x []float32 // [n][layers][size] projections, then inputs
}

func (t *inputsTask) Do(w, workers int) {
	p, i := t.p, t.i
	lo, hi := cpu.Split(p.n, 1, w, workers)
	all := i.layers * i.size
	narrow := float32(1 / math.Sqrt(float64(p.m.Width)))
	half := float32(1 / math.Sqrt2)
	wide := float32(math.Sqrt(float64(i.size) / 2))
	for j := lo; j < hi; j++ {
		x, e := t.x[j*all:][:all], grow(p.workers[w].out, all)
		p.workers[w].out = e
		i.embedding.row(e, int(p.tokens[j]))
		cpu.Scale(x, narrow)
		for l := 0; l < all; l += i.size {
			i.norm.apply(x[l:l+i.size], x[l:l+i.size])
		}
		cpu.Blend(x, e, half, wide)
	}
}

// InputGate lets a layer's input into the stream: Out . (act(Gate . x) * input).
type InputGate struct {
	Size      int
	Gate, Out Linear
	Act       Activation
}

// inputGate is an InputGate with its tensors.
type inputGate struct {
	layer, size int
	gate, out   *group
	act         Activation
}

func (g InputGate) bind(b *binder) body {
	b.scratch.inner = max(b.scratch.inner, g.Size)
	return &inputGate{layer: b.layer, size: g.Size, act: g.Act,
		gate: b.together(b.linear(g.Gate, b.width, g.Size)), out: b.together(b.linear(g.Out, g.Size, b.width))}
}

func (g *inputGate) forward(p *pass, y, x []float32) error {
	if err := p.matmul(g.gate, x, p.gate); err != nil {
		return err
	}
	for j := range p.n {
		input := p.inputs.x[(j*p.m.inputs.layers+g.layer)*g.size:][:g.size]
		g.act.mul(p.gate[j*g.size:][:g.size], input)
	}
	return p.matmul(g.out, p.gate, y)
}
