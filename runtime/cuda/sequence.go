package cuda

import (
	"unsafe"

	"github.com/kvgen/kvgen/runtime/model"
)

// headsArgs and turnArgs are the structs Heads and Turn of turn.cu.
type headsArgs struct {
	in, out, offset   uint64
	row               int64
	apart, heads, dim int32
	turned            int32
	temper, every     float32
	norm              norm
}

type turnArgs struct {
	of                        [3]headsArgs
	cosines, sines, positions uint64
	pairs, adjacent           int32
}

// gateArgs is struct Gate of turn.cu.
type gateArgs struct {
	x, gates          uint64
	row               int64
	apart, heads, dim int32
}

// attend is attention with its products: heads of Q, K and V are normalised and turned, K and V stored, and Q attends.
type attend struct {
	s       *model.AttentionStep
	args    turnArgs
	heads   int // of Q and of what is stored
	q, k, v *Memory
	o       *Memory
	sinks   *Memory
}

func (e *engine) attention(s *model.AttentionStep, x, y *Memory) ([]op, error) {
	in, err := e.multiply(s.QKV, x, nil, "qkv")
	if err != nil {
		return nil, err
	}
	a := &attend{s: s}
	for _, m := range []struct {
		to     **Memory
		name   string
		values int
	}{{&a.q, "q", s.Heads * s.KeyDim}, {&a.k, "k", s.KVHeads * s.KeyDim}, {&a.v, "v", s.KVHeads * s.ValueDim}, {&a.o, "o", s.Heads * s.ValueDim}} {
		if *m.to, err = e.room(m.name, m.values); err != nil {
			return nil, err
		}
	}
	if a.sinks, err = e.w.vector(s.Sinks); err != nil {
		return nil, err
	}
	t := &a.args
	t.positions = e.at.at
	if s.Turn >= 0 {
		r := &e.turns[s.Turn]
		t.cosines, t.sines, t.pairs = r.cosines.at, r.sines.at, int32(r.pairs)
		if r.adjacent {
			t.adjacent = 1
		}
	}
	turned := int32(0)
	if s.Turn >= 0 {
		turned = 1
	}
	q := headsArgs{out: a.q.at, apart: int32(s.KeyDim), heads: int32(s.Heads), dim: int32(s.KeyDim), turned: turned}
	if s.Gated {
		q.apart *= 2
	}
	if s.Temper != nil {
		q.temper, q.every = s.Temper.Scale, float32(s.Temper.Every)
	}
	var row int
	q.in, row = in.part(0)
	q.row = int64(row)
	gates := gateArgs{x: a.o.at, gates: q.in + uint64(4*s.KeyDim), row: q.row, apart: q.apart, heads: q.heads, dim: int32(s.ValueDim)}
	if q.norm, err = e.w.norm(s.QNorm); err != nil {
		return nil, err
	}
	t.of[0], a.heads = q, s.Heads
	if !s.Reads {
		k := headsArgs{out: a.k.at, apart: int32(s.KeyDim), heads: int32(s.KVHeads), dim: int32(s.KeyDim), turned: turned}
		k.in, row = in.part(1)
		k.row = int64(row)
		v := headsArgs{out: a.v.at, apart: int32(s.ValueDim), heads: int32(s.KVHeads), dim: int32(s.ValueDim), in: k.in, row: k.row}
		if !s.VIsK {
			v.in, row = in.part(2)
			v.row = int64(row)
		}
		if k.norm, err = e.w.norm(s.KNorm); err != nil {
			return nil, err
		}
		if v.norm, err = e.w.norm(s.VNorm); err != nil {
			return nil, err
		}
		t.of[1], t.of[2] = k, v
		a.heads += 2 * s.KVHeads
	}
	out, err := e.multiply(s.Out, a.o, y, "")
	if err != nil {
		return nil, err
	}
	ops := []op{in, a}
	if s.Gated {
		ops = append(ops, &gated{gates})
	}
	return append(ops, out), nil
}

// gated lets the output of attention through the gates.
type gated struct{ args gateArgs }

func (g *gated) run(e *engine, _ *cache, n int) error {
	return e.gate.launch(n, int(g.args.heads), 64, unsafe.Pointer(&g.args))
}
