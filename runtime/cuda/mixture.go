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
	inner, row, act                           int32
}

func (b *bend) run(_ *engine, _ *cache, n int) error {
	return b.f.launch(n*b.each, 1, 256, unsafe.Pointer(&b.args))
}

// hidden is the op gate = act(gate) * up, both [n][inner].
func (e *engine) hidden(gate, up *Memory, inner int, a Act) (*bend, error) {
	f, err := e.b.function("hidden", "experts.cu")
	return &bend{f, hiddenArgs{gate: gate.at, up: up.at, out: gate.at, inner: int32(inner), row: int32(inner), act: bent(a)}, 1}, err
}

// bent is the number by which experts.cu knows an activation.
func bent(a Act) int32 { return map[Act]int32{SiLU: 0, GELU: 1, SwiGLUClamped: 2}[a] }

// routeArgs and blendArgs are the structs Route and Blend of experts.cu.
type routeArgs struct {
	logits, expert, row, weight uint64
	count, used, all            int32
}

type blendArgs struct {
	y, part, expert, weight, scale uint64
	width, used                    int32
}

// mixture is a product of slots, each by the matrix of its expert.
type mixture struct {
	product           *Multiply
	y, x, expert, row *Memory // row: of x for each slot, nil for the slot itself
	used              int
}

func (m *mixture) run(_ *engine, _ *cache, n int) error {
	rows := n
	if m.row == nil {
		rows = n * m.used
	}
	return m.product.RunExperts(m.y, m.x, m.expert, m.row, n*m.used, rows)
}

// launched is one launch with a block a token.
type launched struct {
	f       *Function
	threads int
	args    unsafe.Pointer
}

func (l *launched) run(_ *engine, _ *cache, n int) error { return l.f.launch(n, 1, l.threads, l.args) }

// experts makes the ops of a mixture of experts.
func (e *engine) experts(s *model.ExpertsStep, x, y *Memory) ([]op, error) {
	b := &expertsBuilder{e: e, s: s}
	router := b.normed(s.RouterNorm, x, "routed")
	logits := b.products(s.Router, router, "router")
	expert, row, weight := b.room("expert", s.Used), b.room("row", s.Used), b.room("weight", s.Used)
	if b.err != nil {
		return nil, b.err
	}
	r := &routeArgs{logits: logits.at, expert: expert.at, row: row.at, weight: weight.at, count: int32(s.Count), used: int32(s.Used)}
	if s.Weigh == model.SoftmaxAll {
		r.all = 1
	}
	b.launch("route", 32, unsafe.Pointer(r))
	in := b.normed(s.Norm, x, "mixed")
	mid := b.room("mid", s.Used*s.Inner)
	h := hiddenArgs{out: mid.address(), expert: expert.at, inner: int32(s.Inner), row: int32(s.Gate.Stride), act: bent(act(&model.Products{Gated: true, Act: s.Act}))}
	h.gate = b.stack(s.Gate, in, expert, row, "gates")
	if h.up = h.gate + uint64(4*s.Up.First); s.Up.Weight != s.Gate.Weight {
		h.up = b.stack(s.Up, in, expert, row, "ups")
	}
	h.gateScale, h.upScale = b.vector(s.Gate.Scale), b.vector(s.Up.Scale)
	if b.err != nil {
		return nil, b.err
	}
	f, err := e.b.function("hidden", "experts.cu")
	if err != nil {
		return nil, err
	}
	b.ops = append(b.ops, &bend{f, h, s.Used})
	part := b.stack(s.Down, mid, expert, nil, "parts")
	b.launch("blend", 256, unsafe.Pointer(&blendArgs{y: y.at, part: part, expert: expert.at, weight: weight.at, scale: b.vector(s.Down.Scale),
		width: int32(e.w.program.Width), used: int32(s.Used)}))
	return b.ops, b.err
}

// expertsBuilder collects ops and keeps the first error.
type expertsBuilder struct {
	e   *engine
	s   *model.ExpertsStep
	ops []op
	err error
}

func (b *expertsBuilder) room(name string, values int) *Memory {
	if b.err != nil {
		return nil
	}
	var m *Memory
	m, b.err = b.e.room(name, values)
	return m
}

func (b *expertsBuilder) launch(name string, threads int, args unsafe.Pointer) {
	if b.err != nil {
		return
	}
	var f *Function
	f, b.err = b.e.b.function(name, "experts.cu")
	b.ops = append(b.ops, &launched{f, threads, args})
}

// normed is norm(x), or x where there is no norm.
func (b *expertsBuilder) normed(n *model.NormWeights, x *Memory, name string) *Memory {
	if n == nil || b.err != nil {
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

// stack multiplies the slots by the matrices of their experts and returns where the result lies.
func (b *expertsBuilder) stack(k model.ExpertStack, x, expert, row *Memory, name string) uint64 {
	to := b.room(name, k.Stride*b.s.Used)
	if b.err != nil {
		return 0
	}
	var r *Multiply
	if r, b.err = b.e.w.stack(k.Weight, b.s.Count, b.e.exact); b.err != nil {
		return 0
	}
	b.ops = append(b.ops, &mixture{product: r, y: to, x: x, expert: expert, row: row, used: b.s.Used})
	return to.at
}
