package engine

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/product"
	"github.com/kvgen/kvgen/runtime/program"
)

// experts makes the ops of a mixture of experts.
func (e *engine) experts(s *program.ExpertsStep, x, y *gpu.Buffer) ([]op, error) {
	if !s.Routing.Plain() || s.Gateless {
		return nil, fmt.Errorf("gpu: no kernel chooses experts by sigmoid, with a bias, in groups or with weights other than shares, or runs them without a gate: run the layers with experts on the processor")
	}
	b := &expertsBuilder{e: e}
	logits := b.products(s.Router, b.normed(s.RouterNorm, x, "routed"), "router")
	m := &mixture{s: s, x: b.normed(s.Norm, x, "mixed"), expert: b.room("expert", s.Used), row: b.room("row", s.Used)}
	m.route, m.sort, m.collect = b.function("route"), b.function("sort"), b.function("collect")
	m.hidden, m.blend = b.function("hidden"), b.function("blend")
	weight := b.room("weight", s.Used)
	m.routeArgs = args.Route{Logits: logits.Address(), Expert: m.expert.Address(), Row: m.row.Address(), Weight: weight.Address(),
		Count: int32(s.Count), Used: int32(s.Used), All: gpu.Flag(s.Routing.Gating == program.SoftmaxAll)}

	m.gate, m.gates = b.stack(s.Gate), b.room("gates", s.Gate.Stride*s.Used)
	m.mid = b.room("mid", s.Inner*s.Used)
	m.hiddenArgs = args.Hidden{Gate: m.gates.Address(), Up: m.gates.Address() + uint64(4*s.Up.First), Out: m.mid.Address(), Inner: int32(s.Inner),
		Row: int32(s.Gate.Stride), UpRow: int32(s.Up.Stride), Act: activationCode(activations[s.Act]), GateScale: b.vector(s.Gate.Scale), UpScale: b.vector(s.Up.Scale)}
	if s.Up.Weight() != s.Gate.Weight() {
		m.up, m.ups = b.stack(s.Up), b.room("ups", s.Up.Stride*s.Used)
		m.hiddenArgs.Up = m.ups.Address()
	}
	width := e.w.program.Width
	m.down, m.parts = b.stack(s.Down), b.room("parts", width*s.Used)
	m.blendArgs = args.Blend{Y: y.Address(), Part: m.parts.Address(), Expert: m.expert.Address(), Weight: weight.Address(), Scale: b.vector(s.Down.Scale),
		Width: int32(width), Used: int32(s.Used)}
	for _, p := range []*product.Kernel{m.gate, m.up, m.down} {
		if p != nil && b.err == nil {
			b.err = e.b.Reserve(p.GroupWorkspace(e.batch*s.Used, s.Count, m.most(e.batch)))
		}
	}
	if m.most(e.batch) > 1 {
		m.rows, m.of, m.place = b.room("rows of slots", s.Used), b.room("experts of slots", s.Used), b.room("places of slots", s.Used)
		m.collected = b.room("collected", width*s.Used)
		for i, name := range []string{"experts of runs", "first of runs", "slots of runs"} {
			// runs are made where there are as many slots as experts: half as many, and one for
			// each expert
			m.runs[i] = b.room(name, 2*s.Used)
		}
	}
	return append(b.ops, m), b.err
}

// expertsBuilder collects ops and keeps the first error, after which it makes nothing.
type expertsBuilder struct {
	e   *engine
	ops []op
	err error
}

func (b *expertsBuilder) room(name string, values int) (m *gpu.Buffer) {
	if b.err == nil {
		m, b.err = b.e.room(name, values)
	}
	return m
}

func (b *expertsBuilder) function(name string) (f gpu.Kernel) {
	if b.err == nil {
		f, b.err = b.e.b.Frame(name, "experts")
	}
	return f
}

// normed is norm(x), or x where there is no norm.
func (b *expertsBuilder) normed(n *program.NormWeights, x *gpu.Buffer, name string) *gpu.Buffer {
	if n == nil {
		return x
	}
	to := b.room(name, b.e.w.program.Width)
	if b.err != nil {
		return nil
	}
	var w args.Norm
	w, b.err = b.e.w.norm(n)
	b.ops = append(b.ops, &normalise{args.NormRows{X: x.Address(), Y: to.Address(), Norm: w}})
	return to
}

func (b *expertsBuilder) products(p *program.Products, x *gpu.Buffer, name string) *gpu.Buffer {
	if b.err != nil {
		return nil
	}
	var m *matmul
	if m, b.err = b.e.matmul(p, x, nil, name); b.err != nil {
		return nil
	}
	b.ops = append(b.ops, m)
	return m.outs[0]
}

func (b *expertsBuilder) vector(x []float32) uint64 {
	if b.err != nil {
		return 0
	}
	var m *gpu.Buffer
	m, b.err = b.e.w.vector(x)
	return m.Address()
}

// stack is the product with the matrices of all experts.
func (b *expertsBuilder) stack(k program.ExpertStack) (m *product.Kernel) {
	if b.err == nil {
		m, b.err = b.e.w.stack(k.Weight(), b.e.exact)
	}
	return m
}
