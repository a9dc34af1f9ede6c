package engine

import (
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// splitGates takes the queries out of rows of query and gate, one after the other for each head.
func splitGates(a *program.AttentionStep, q, gated []float32) {
	d := a.KeyDim
	for h := range a.Heads {
		copy(q[h*d:(h+1)*d], gated[2*h*d:])
	}
}

// gatesTask lets the output of gated attention through.
type gatesTask struct {
	p *pass
	a *program.AttentionStep
}

func (t *gatesTask) Do(w, workers int) {
	heads, d := t.a.Heads, t.a.ValueDim
	lo, hi := cpu.Split(t.p.n, 1, w, workers)
	for h := lo * heads; h < hi*heads; h++ {
		t.p.vec.SigmoidMul(t.p.o[h*d:][:d], t.p.gated[(2*h+1)*d:][:d])
	}
}

// sharedGateTask multiplies the output of a network by one gate per token.
type sharedGateTask struct {
	p *pass
	y []float32 // [n][width]
	s []float32 // [n] logits
}

func (t *sharedGateTask) run(p *pass, g *program.Products, y, x []float32) error {
	t.p, t.y, t.s = p, y, grow(t.s, p.n)
	if err := p.matmul(g, x, t.s); err != nil {
		return err
	}
	return p.each(t, p.n)
}

func (t *sharedGateTask) Do(w, workers int) {
	n := t.p.width
	lo, hi := cpu.Split(t.p.n, 1, w, workers)
	for j := lo; j < hi; j++ {
		t.p.vec.Scale(t.y[j*n:][:n], 1/(1+cpu.Exp(-t.s[j])))
	}
}
