package cuda

import (
	"unsafe"

	"github.com/kvgen/kvgen/runtime/model"
)

// bend is out = act(gate) * up of rows that are slots of experts, or tokens.
type bend struct {
	f    *Function
	args hiddenArgs
	each int // rows per token
}

// hiddenArgs is struct Hidden of experts.cu.
type hiddenArgs struct {
	gate, up, out, expert, gateScale, upScale uint64
	inner, row, upRow, act                    int32
}

func (b *bend) run(_ *engine, _ *cache, n int) error {
	return b.f.launch(n*b.each, 1, 256, unsafe.Pointer(&b.args))
}

// hidden is the op gate = act(gate) * up, both [n][inner].
func (e *engine) hidden(gate, up *Memory, inner int, a Act) (*bend, error) {
	f, err := e.b.function("hidden", "experts.cu")
	return &bend{f, hiddenArgs{gate: gate.at, up: up.at, out: gate.at, inner: int32(inner), row: int32(inner), upRow: int32(inner), act: bent(a)}, 1}, err
}

// bent is the number by which experts.cu knows an activation.
func bent(a Act) int32 { return map[Act]int32{SiLU: 0, GELU: 1, SwiGLUClamped: 2}[a] }

// routeArgs, sortArgs, collectArgs and blendArgs are the structs of experts.cu.
type routeArgs struct {
	logits, expert, row, weight uint64
	count, used, all            int32
}

type sortArgs struct {
	expert, row, of, place        uint64
	runExpert, runFirst, runSlots uint64
	slots, used, most             int32
}

type collectArgs struct {
	x, y, row uint64
	n         int32
}

type blendArgs struct {
	y, part, expert, place, weight, scale uint64
	width, used                           int32
}

// mixture is a mixture of experts from the logits of its router on. A slot is one token at one expert. Those of a few tokens are
// multiplied one by one; those of many are brought into the order of their experts, so that a matrix is read once for several.
type mixture struct {
	s                                   *model.ExpertsStep
	route, sort, collect, hidden, blend *Function
	gate, up, down                      *Multiply // up is nil where gate has both
	x                                   *Memory   // [batch][width]
	expert, row                         *Memory   // [batch][Used]
	rows, of, place, collected          *Memory   // of slots in the order of their experts
	runs                                [3]*Memory
	gates, ups, mid, parts              *Memory // [slots]
	routeArgs                           routeArgs
	hiddenArgs                          hiddenArgs // but for expert, here and below for place
	blendArgs                           blendArgs
}

// most is how many slots of a run share what is read of a matrix, for a batch of n tokens.
func (m *mixture) most(n int) int {
	if n == 1 {
		return 1
	}
	return MostSlots(n * m.s.Used / m.s.Count)
}

func (m *mixture) run(e *engine, _ *cache, n int) error {
	slots, most := n*m.s.Used, m.most(n)
	if err := m.route.launch(n, 1, 32, unsafe.Pointer(&m.routeArgs)); err != nil {
		return err
	}
	h, b := m.hiddenArgs, m.blendArgs
	h.expert = m.expert.at
	multiply := func(p *Multiply, y, x, row *Memory) error { return p.RunExperts(y, x, m.expert, row, slots, m.s.Count) }
	x, row := m.x, m.row
	if most > 1 {
		r, err := m.order(e, slots, most)
		if err != nil {
			return err
		}
		multiply = func(p *Multiply, y, x, _ *Memory) error { return p.RunGroups(y, x, r, slots, m.s.Count) }
		x, h.expert, b.place = m.collected, m.of.at, m.place.at
	}
	if err := multiply(m.gate, m.gates, x, row); err != nil {
		return err
	}
	if m.up != nil {
		if err := multiply(m.up, m.ups, x, row); err != nil {
			return err
		}
	}
	if err := m.hidden.launch(slots, 1, 256, unsafe.Pointer(&h)); err != nil {
		return err
	}
	if err := multiply(m.down, m.parts, m.mid, nil); err != nil {
		return err
	}
	return m.blend.launch(n, 1, 256, unsafe.Pointer(&b))
}

// order brings the slots into the order of their experts and collects their inputs.
func (m *mixture) order(e *engine, slots, most int) (*Runs, error) {
	r := &Runs{Expert: m.runs[0], First: m.runs[1], Slots: m.runs[2], Count: slots/most + m.s.Count, Most: most}
	a := sortArgs{expert: m.expert.at, row: m.rows.at, of: m.of.at, place: m.place.at, runExpert: r.Expert.at, runFirst: r.First.at, runSlots: r.Slots.at,
		slots: int32(slots), used: int32(m.s.Used), most: int32(most)}
	if err := m.sort.launch(m.s.Count, 1, 256, unsafe.Pointer(&a)); err != nil {
		return nil, err
	}
	c := collectArgs{x: m.x.at, y: m.collected.at, row: m.rows.at, n: int32(e.w.program.Width)}
	return r, m.collect.launch(slots, 1, 256, unsafe.Pointer(&c))
}
