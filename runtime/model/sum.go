package model

import "github.com/kvgen/kvgen/runtime/cpu"

// Sum is branches that read the same input and are added: Post(Body(Pre(x))) of each.
type Sum []Block

// sum is a Sum with its tensors.
type sum []block

func (s Sum) bind(b *binder) body {
	var x sum
	for _, k := range s {
		x = append(x, b.block(k))
	}
	return x
}

func (s sum) forward(p *pass, y, x []float32) error {
	t := &p.sums
	t.p, t.y = p, y
	for i, k := range s {
		if t.part = y; i > 0 {
			t.spare = grow(t.spare, p.n*p.m.Width)
			t.part = t.spare
		}
		in, err := p.branch.run(p, k.pre, x)
		if err != nil {
			return err
		}
		if err := k.body.forward(p, t.part, in); err != nil {
			return err
		}
		if t.post, t.add = k.post, i > 0; t.post == nil && !t.add {
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
	post           *norm // nil for none
	add            bool  // part is not y itself
	part, y, spare []float32
}

func (t *sumTask) Do(w, workers int) {
	n := t.p.m.Width
	lo, hi := cpu.Split(t.p.n, 1, w, workers)
	for j := lo; j < hi; j++ {
		part := t.part[j*n:][:n]
		if t.post != nil {
			t.post.apply(part, part)
		}
		if t.add {
			cpu.Add(t.y[j*n:][:n], part)
		}
	}
}
