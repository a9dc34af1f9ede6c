package engine

import (
	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/product"
	"github.com/kvgen/kvgen/runtime/program"
)

// activation is out = act(gate) * up of rows that are slots of experts, or tokens.
type activation struct {
	f    gpu.Kernel
	args args.Hidden
	each int // rows per token
}

func (b *activation) run(_ *engine, _ *cache, n int) error {
	return b.f.Launch(gpu.Grid{X: n * b.each, Threads: 256}, &b.args)
}

// activate makes the op gate = act(gate) * up, both [n][inner].
func (e *engine) activate(gate, up *gpu.Buffer, inner int, a product.Activation) (*activation, error) {
	f, err := e.b.Frame("hidden", "experts")
	return &activation{f, args.Hidden{Gate: gate.Address(), Up: up.Address(), Out: gate.Address(), Inner: int32(inner), Row: int32(inner), UpRow: int32(inner), Act: activationCode(a)}, 1}, err
}

// activationCode is the number by which experts.cu knows an activation.
func activationCode(a product.Activation) int32 {
	return map[product.Activation]int32{product.SiLU: 0, product.GELU: 1, product.SwiGLUClamped: 2}[a]
}

// mixture is a mixture of experts from the logits of its router on. A slot is one token at one
// expert. Those of a few tokens are multiplied one by one; those of many are brought into the order
// of their experts, so that a matrix is read once for several.
type mixture struct {
	s                                   *program.ExpertsStep
	route, sort, collect, hidden, blend gpu.Kernel
	gate, up, down                      *product.Kernel // up is nil where gate has both
	x                                   *gpu.Buffer     // [batch][width]
	expert, row                         *gpu.Buffer     // [batch][Used]
	rows, of, place, collected          *gpu.Buffer     // of slots in the order of their experts
	runs                                [3]*gpu.Buffer
	gates, ups, mid, parts              *gpu.Buffer // [slots]
	routeArgs                           args.Route
	hiddenArgs                          args.Hidden // but for expert, here and below for place
	blendArgs                           args.Blend
}

// most is how many slots of a run share what is read of a matrix, for a batch of n tokens.
func (m *mixture) most(n int) int {
	if n == 1 {
		return 1
	}
	return product.MostSlots(n * m.s.Used / m.s.Count)
}

func (m *mixture) run(e *engine, _ *cache, n int) error {
	slots, most := n*m.s.Used, m.most(n)
	if err := m.route.Launch(gpu.Grid{X: n, Threads: 32}, &m.routeArgs); err != nil {
		return err
	}
	h, b := m.hiddenArgs, m.blendArgs
	h.Expert = m.expert.Address()
	multiply := func(p *product.Kernel, y, x, row *gpu.Buffer) error {
		return p.RunExperts(y, x, m.expert, row, slots, m.s.Count)
	}
	x, row := m.x, m.row
	if most > 1 {
		r, err := m.order(e, slots, most)
		if err != nil {
			return err
		}
		multiply = func(p *product.Kernel, y, x, _ *gpu.Buffer) error { return p.RunGroups(y, x, r, slots, m.s.Count) }
		x, h.Expert, b.Place = m.collected, m.of.Address(), m.place.Address()
	}
	if err := multiply(m.gate, m.gates, x, row); err != nil {
		return err
	}
	if m.up != nil {
		if err := multiply(m.up, m.ups, x, row); err != nil {
			return err
		}
	}
	if err := m.hidden.Launch(gpu.Grid{X: slots, Threads: 256}, &h); err != nil {
		return err
	}
	if err := multiply(m.down, m.parts, m.mid, nil); err != nil {
		return err
	}
	return m.blend.Launch(gpu.Grid{X: n, Threads: 256}, &b)
}

// order brings the slots into the order of their experts and collects their inputs.
func (m *mixture) order(e *engine, slots, most int) (*product.Runs, error) {
	r := &product.Runs{Expert: m.runs[0], First: m.runs[1], Slots: m.runs[2], Count: slots/most + m.s.Count, Most: most}
	a := args.Sort{Expert: m.expert.Address(), Row: m.rows.Address(), Of: m.of.Address(), Place: m.place.Address(), RunExpert: r.Expert.Address(), RunFirst: r.First.Address(), RunSlots: r.Slots.Address(),
		Slots: int32(slots), Used: int32(m.s.Used), Most: int32(most)}
	if err := m.sort.Launch(gpu.Grid{X: m.s.Count, Threads: 256}, &a); err != nil {
		return nil, err
	}
	c := args.Collect{X: m.x.Address(), Y: m.collected.Address(), Row: m.rows.Address(), N: int32(e.w.program.Width)}
	return r, m.collect.Launch(gpu.Grid{X: slots, Threads: 256}, &c)
}
