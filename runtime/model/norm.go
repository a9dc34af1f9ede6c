package model

import "github.com/kvgen/kvgen/runtime/cpu"

// norm is a Norm with its tensors.
type norm struct {
	kind NormKind
	eps  float32
	w, b []float32
}

// apply is y = norm(x); y may be x.
func (n *norm) apply(y, x []float32) {
	if n.kind == LayerNorm {
		cpu.LayerNorm(y, x, n.w, n.b, n.eps)
	} else {
		cpu.RMSNorm(y, x, n.w, n.eps)
	}
}

// normTask normalises rows of the model's width.
type normTask struct {
	p    *pass
	norm *norm
	x, y []float32 // [n][width]
}

func (t *normTask) Do(w, workers int) {
	n := t.p.m.Width
	lo, hi := cpu.Split(t.p.n, 1, w, workers)
	for j := lo; j < hi; j++ {
		t.norm.apply(t.y[j*n:][:n], t.x[j*n:][:n])
	}
}

// run is norm(x), valid until the task's next call, or x itself where there is no norm.
func (t *normTask) run(p *pass, n *norm, x []float32) ([]float32, error) {
	if n == nil {
		return x, nil
	}
	t.p, t.norm, t.x, t.y = p, n, x, grow(t.y, p.n*p.m.Width)
	return t.y, p.each(t, p.n)
}
