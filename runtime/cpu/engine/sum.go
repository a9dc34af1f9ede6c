package engine

import (
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// sum computes y from x.
func (p *pass) sum(s *program.SumStep, y, x []float32) error {
	t := &p.sums
	t.p, t.y = p, y
	for i := range s.Steps {
		k := &s.Steps[i]
		if t.part = y; i > 0 {
			t.spare = grow(t.spare, p.n*p.width)
			t.part = t.spare
		}
		in, err := p.branch.run(p, k.Pre, x)
		if err != nil {
			return err
		}
		if err := p.body(k.Body, t.part, in); err != nil {
			return err
		}
		if t.post, t.add = k.Post, i > 0; t.post == nil && !t.add {
			continue
		}
		if err := p.each(t, p.n); err != nil {
			return err
		}
	}
	return nil
}

// sumTask normalises the output of a branch and adds it to the sum.
type sumTask struct {
	p              *pass
	post           *program.NormWeights // nil for none
	add            bool                 // part is not y itself
	part, y, spare []float32
}

func (t *sumTask) Do(w, workers int) {
	n := t.p.width
	lo, hi := cpu.Split(t.p.n, 1, w, workers)
	for j := lo; j < hi; j++ {
		part := t.part[j*n:][:n]
		if t.post != nil {
			normalise(t.p.vec, t.post, part, part)
		}
		if t.add {
			t.p.vec.Add(t.y[j*n:][:n], part)
		}
	}
}
