package model

import "github.com/kvgen/kvgen/runtime/cpu"

// split takes the queries out of rows of query and gate, one after the other for each head.
func (a *attend) split(q, gated []float32) {
	d := a.layer.KeyDim
	for h := range a.layer.Heads {
		copy(q[h*d:(h+1)*d], gated[2*h*d:])
	}
}

// gatesTask lets the output of gated attention through.
type gatesTask struct {
	p *pass
	a *attend
}

func (t *gatesTask) Do(w, workers int) {
	heads, d := t.a.layer.Heads, t.a.layer.ValueDim
	lo, hi := cpu.Split(t.p.n, 1, w, workers)
	for h := lo * heads; h < hi*heads; h++ {
		cpu.SigmoidMul(t.p.o[h*d:][:d], t.p.gated[(2*h+1)*d:][:d])
	}
}

// switchTask multiplies the output of a network by one gate per token.
type switchTask struct {
	p *pass
	y []float32 // [n][width]
	s []float32 // [n] logits
}

func (t *switchTask) run(p *pass, g *group, y, x []float32) error {
	t.p, t.y, t.s = p, y, grow(t.s, p.n)
	if err := p.matmul(g, x, t.s); err != nil {
		return err
	}
	return p.each(t, p.n)
}

func (t *switchTask) Do(w, workers int) {
	n := t.p.m.Width
	lo, hi := cpu.Split(t.p.n, 1, w, workers)
	for j := lo; j < hi; j++ {
		cpu.Scale(t.y[j*n:][:n], 1/(1+cpu.Exp(-t.s[j])))
	}
}
