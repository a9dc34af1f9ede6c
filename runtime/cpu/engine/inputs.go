package engine

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// inputsTask makes the layers' inputs of a batch.
type inputsTask struct {
	p *pass
	i *program.InputsOfLayers
	e lookup
	x []float32 // [n][Layers][Size] projections, then inputs
}

// run computes the inputs from the batch's embeddings, which are in the residual stream.
func (t *inputsTask) run() error {
	p, i := t.p, t.i
	t.x = grow(t.x, p.n*i.Size*i.Layers)
	if err := p.matmul(i.Projection, p.x, t.x); err != nil {
		return err
	}
	// by workers at all times: rows of the file are read under the pool's guard
	return p.pool.Run(t)
}

func (t *inputsTask) Do(w, workers int) {
	p, i := t.p, t.i
	lo, hi := cpu.Split(p.n, 1, w, workers)
	all := i.Layers * i.Size
	narrow := float32(1 / math.Sqrt(float64(p.width)))
	half := float32(1 / math.Sqrt2)
	wide := float32(math.Sqrt(float64(i.Size) / 2))
	for j := lo; j < hi; j++ {
		x, e := t.x[j*all:][:all], grow(p.workers[w].out, all)
		p.workers[w].out = e
		t.e.row(e, int(p.tokens[j]))
		p.vec.Scale(x, narrow)
		for l := 0; l < all; l += i.Size {
			normalise(p.vec, i.Norm, x[l:l+i.Size], x[l:l+i.Size])
		}
		p.vec.Blend(x, e, half, wide)
	}
}

// inputGate computes y from x.
func (p *pass) inputGate(s *program.InputGateStep, y, x []float32) error {
	if err := p.matmul(s.Gate, x, p.gate); err != nil {
		return err
	}
	size, layers := p.inputs.i.Size, p.inputs.i.Layers
	for j := range p.n {
		input := p.inputs.x[(j*layers+s.Layer)*size:][:size]
		activateGated(p.vec, s.Act, p.gate[j*size:][:size], input)
	}
	return p.matmul(s.Out, p.gate, y)
}
