package cuda

import "github.com/kvgen/kvgen/runtime/model"

// experts makes the ops of a mixture of experts.
func (e *engine) experts(s *model.ExpertsStep, x, y *Memory) ([]op, error) {
	b := &expertsBuilder{e: e}
	logits := b.products(s.Router, b.normed(s.RouterNorm, x, "routed"), "router")
	m := &mixture{s: s, x: b.normed(s.Norm, x, "mixed"), expert: b.room("expert", s.Used), row: b.room("row", s.Used)}
	for name, to := range map[string]**Function{"route": &m.route, "sort": &m.sort, "collect": &m.collect, "hidden": &m.hidden, "blend": &m.blend} {
		*to = b.function(name)
	}
	weight := b.room("weight", s.Used)
	m.routeArgs = routeArgs{logits: logits.address(), expert: m.expert.address(), row: m.row.address(), weight: weight.address(),
		count: int32(s.Count), used: int32(s.Used), all: bit(s.Gating == model.SoftmaxAll)}

	m.gate, m.gates = b.stack(s.Gate), b.room("gates", s.Gate.Stride*s.Used)
	m.mid = b.room("mid", s.Inner*s.Used)
	m.hiddenArgs = hiddenArgs{gate: m.gates.address(), up: m.gates.address() + uint64(4*s.Up.First), out: m.mid.address(), inner: int32(s.Inner),
		row: int32(s.Gate.Stride), upRow: int32(s.Up.Stride), act: bent(bends[s.Act]), gateScale: b.vector(s.Gate.Scale), upScale: b.vector(s.Up.Scale)}
	if s.Up.Weight() != s.Gate.Weight() {
		m.up, m.ups = b.stack(s.Up), b.room("ups", s.Up.Stride*s.Used)
		m.hiddenArgs.up = m.ups.address()
	}
	width := e.w.program.Width
	m.down, m.parts = b.stack(s.Down), b.room("parts", width*s.Used)
	m.blendArgs = blendArgs{y: y.at, part: m.parts.address(), expert: m.expert.address(), weight: weight.address(), scale: b.vector(s.Down.Scale),
		width: int32(width), used: int32(s.Used)}
	for _, p := range []*Multiply{m.gate, m.up, m.down} {
		if p != nil && b.err == nil {
			b.err = e.b.Reserve(p.GroupWorkspace(e.batch*s.Used, s.Count, m.most(e.batch)))
		}
	}
	if m.most(e.batch) > 1 {
		m.rows, m.of, m.place = b.room("rows of slots", s.Used), b.room("experts of slots", s.Used), b.room("places of slots", s.Used)
		m.collected = b.room("collected", width*s.Used)
		for i, name := range []string{"experts of runs", "first of runs", "slots of runs"} {
			m.runs[i] = b.room(name, 2*s.Used) // runs are made where there are as many slots as experts: half as many, and one for each expert
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

func (b *expertsBuilder) room(name string, values int) (m *Memory) {
	if b.err == nil {
		m, b.err = b.e.room(name, values)
	}
	return m
}

func (b *expertsBuilder) function(name string) (f *Function) {
	if b.err == nil {
		f, b.err = b.e.b.function(name, "experts.cu")
	}
	return f
}

// normed is norm(x), or x where there is no norm.
func (b *expertsBuilder) normed(n *model.NormWeights, x *Memory, name string) *Memory {
	if n == nil {
		return x
	}
	to := b.room(name, b.e.w.program.Width)
	if b.err != nil {
		return nil
	}
	var w norm
	w, b.err = b.e.w.norm(n)
	b.ops = append(b.ops, &normalise{normalArgs{x: x.at, y: to.at, norm: w}})
	return to
}

func (b *expertsBuilder) products(p *model.Products, x *Memory, name string) *Memory {
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
	var m *Memory
	m, b.err = b.e.w.vector(x)
	return m.address()
}

// stack is the product with the matrices of all experts.
func (b *expertsBuilder) stack(k model.ExpertStack) (m *Multiply) {
	if b.err == nil {
		m, b.err = b.e.w.stack(k.Weight(), b.e.exact)
	}
	return m
}
