package engine

import (
	"errors"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// matmul is the op of products that share an input.
type matmul struct {
	f    *fused
	x    *gpu.Buffer
	outs []*gpu.Buffer // by product
}

func (m *matmul) run(_ *engine, _ *cache, n int) error {
	for i, p := range m.f.products {
		if err := p.Run(m.outs[i], m.x, n); err != nil {
			return err
		}
	}
	return nil
}

// part is where part i of the products lies: its first value, and the values of a row.
func (m *matmul) part(i int) (at uint64, row int) {
	p := m.f.parts[i]
	return m.outs[p.product].Address() + uint64(4*p.first), m.f.products[p.product].out
}

// matmul takes products to the GPU. The outputs go to out, or where that is nil to scratch memory
// under names.
func (e *engine) matmul(p *program.Products, x, out *gpu.Buffer, names string) (*matmul, error) {
	f, err := e.w.products(p, e.exact)
	if err != nil {
		return nil, err
	}
	m := &matmul{f: f, x: x}
	for i, q := range f.products {
		if err := e.b.Reserve(q.Workspace(e.batch)); err != nil {
			return nil, err
		}
		to := out
		if to == nil {
			if to, err = e.room(names+string(rune('0'+i)), q.out); err != nil {
				return nil, err
			}
		}
		m.outs = append(m.outs, to)
	}
	return m, nil
}

func (e *engine) gated(s *program.GatedStep, x, y *gpu.Buffer) ([]op, error) {
	in, err := e.matmul(s.In, x, nil, "inner")
	if err != nil {
		return nil, err
	}
	down, err := e.matmul(s.Down, in.outs[0], y, "")
	if err != nil {
		return nil, err
	}
	ops := []op{in, down}
	if in.f.pair {
		h, err := e.activate(in.outs[0], in.outs[1], s.In.Parts[0].Rows, in.f.act)
		if err != nil {
			return nil, err
		}
		ops = []op{in, h, down}
	}
	if s.SharedGate == nil {
		return ops, nil
	}
	gate, err := e.matmul(s.SharedGate, x, nil, "shared gate")
	if err != nil {
		return nil, err
	}
	f, err := e.b.Frame("shared_gate", "scale")
	return append(ops, gate, &sharedGate{f, args.SharedGate{Y: y.Address(), Logits: gate.outs[0].Address(), Width: int32(e.w.program.Width)}}), err
}

func (e *engine) plain(s *program.PlainStep, x, y *gpu.Buffer) ([]op, error) {
	if s.XIELU != nil || s.Up.Act == program.SquaredReLU {
		return nil, errors.New("gpu: no kernel computes xIELU or the square of ReLU")
	}
	up, err := e.matmul(s.Up, x, nil, "inner")
	if err != nil {
		return nil, err
	}
	down, err := e.matmul(s.Down, up.outs[0], y, "")
	return []op{up, down}, err
}

// sharedGate multiplies rows by the sigmoid of their logit, the gate of shared experts.
type sharedGate struct {
	f    gpu.Kernel
	args args.SharedGate
}

func (t *sharedGate) run(_ *engine, _ *cache, n int) error {
	return t.f.Launch(gpu.Grid{X: n, Threads: 256}, &t.args)
}

// sum makes the ops of branches that read the same input.
func (e *engine) sum(s *program.SumStep, x, y *gpu.Buffer) (ops []op, err error) {
	width := e.w.program.Width
	for i, k := range s.Steps {
		in, part := x, y
		if k.Pre != nil {
			if in, err = e.room("branch", width); err != nil {
				return nil, err
			}
			n, err := e.w.norm(k.Pre)
			if err != nil {
				return nil, err
			}
			ops = append(ops, &normalise{args.NormRows{X: x.Address(), Y: in.Address(), Norm: n}})
		}
		if i > 0 {
			if part, err = e.room("spare", width); err != nil {
				return nil, err
			}
		}
		body, err := e.body(k.Body, in, part)
		if err != nil {
			return nil, err
		}
		ops = append(ops, body...)
		if i == 0 && k.Post == nil {
			continue
		}
		post, err := e.w.norm(k.Post)
		if err != nil {
			return nil, err
		}
		a := args.Branch{Sum: y.Address(), Part: part.Address(), Post: post}
		if i > 0 {
			a.Add = 1
		}
		ops = append(ops, &addBranch{a})
	}
	return ops, nil
}

// normalise is y = norm(x) of rows of the model's width.
type normalise struct{ args args.NormRows }

func (o *normalise) run(e *engine, _ *cache, n int) error {
	return e.normal.Launch(gpu.Grid{X: n, Threads: e.threads()}, &o.args)
}

// addBranch adds the output of a branch to a sum.
type addBranch struct{ args args.Branch }

func (o *addBranch) run(e *engine, _ *cache, n int) error {
	return e.branch.Launch(gpu.Grid{X: n, Threads: e.threads()}, &o.args)
}
