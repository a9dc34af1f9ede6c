package engine

import (
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// normalise is y = n(x); y may be x.
func normalise(v cpu.Vec, n *program.NormWeights, y, x []float32) {
	if n.Kind == program.LayerNorm {
		v.LayerNorm(y, x, n.W, n.B, n.Eps)
	} else {
		v.RMSNorm(y, x, n.W, n.Eps)
		if n.B != nil {
			v.Add(y[:len(x)], n.B)
		}
	}
}

// normTask normalises rows of the model's width.
type normTask struct {
	p    *pass
	norm *program.NormWeights
	x, y []float32 // [n][width]
}

func (t *normTask) Do(w, workers int) {
	n := t.p.width
	lo, hi := cpu.Split(t.p.n, 1, w, workers)
	for j := lo; j < hi; j++ {
		normalise(t.p.vec, t.norm, t.y[j*n:][:n], t.x[j*n:][:n])
	}
}

// run is norm(x), valid until the task's next call, or x itself where there is no norm.
func (t *normTask) run(p *pass, n *program.NormWeights, x []float32) ([]float32, error) {
	if n == nil {
		return x, nil
	}
	t.p, t.norm, t.x, t.y = p, n, x, grow(t.y, p.n*p.width)
	return t.y, p.each(t, p.n)
}
