package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// ActGroup is the number of activations that share a scale in a type's MatmulQ8, 0
// when it has none. Weights share one form of the activations, groups of 32; a type
// for the cache alone takes groups as long as its own scale, so that whole blocks are
// summed as integers.
func ActGroup(t *spec.Type) (group int) {
	_ = reason(func() { group = actGroup(t) })
	return group
}

func actGroup(t *spec.Type) int {
	if !t.Quantised {
		giveUp("plain floats have no levels")
	}
	if t.Block%chunk != 0 {
		giveUp("the block of %d is no multiple of %d", t.Block, chunk)
	}
	a := split(t)
	a.mustBeFaithful()
	switch {
	case a.Run%16 != 0:
		giveUp("a scale serves %s, not 16", plural(a.Run, "value"))
	case a.points == nil && len(a.Levels) > 64 && !(&reader{t: t, a: a}).isLinear():
		giveUp("a table of %d levels", len(a.Levels))
	case t.Weight || a.Run%64 != 0:
		return 32
	case a.Run%128 != 0:
		return 64
	}
	return 128
}

// MatmulQ8 is Matmul with x in int8: m rows interleaved group by group (cpu.Act).
// unroll is the number of blocks of one loop turn.
func MatmulQ8(t *spec.Type, c Caps, m, unroll int, name string) *ir.Func {
	group := actGroup(t)
	b := ir.Build(name, []ir.Param{
		{Name: "y", Type: addr, Go: "*float32"}, {Name: "ldy", Type: word, Go: "int"},
		{Name: "q", Type: addr, Go: "*int8"}, {Name: "d", Type: addr, Go: "*float32"}, {Name: "s", Type: addr, Go: "*float32"},
		{Name: "w", Type: addr, Go: "*byte"}, {Name: "stride", Type: word, Go: "int"},
		{Name: "rows", Type: word, Go: "int"}, {Name: "blocks", Type: word, Go: "int"},
	}, fmt.Sprintf("%s multiplies rows of w with %s in int8; ldy and stride in bytes.", name, plural(m, "row")+" of activations"), "",
		"\tfor r := range rows {", fmt.Sprintf("\t\tfor j := range %d {", m),
		fmt.Sprintf("\t\t\ty[j][r] = sum(d[i/%d][j] * q[i/%d][j][i%%%d] * w[r][i]) // over all i", group, group, group), "\t\t}", "\t}")
	k := newQ8(b, c, t, m, group)
	k.y, k.w, k.rows = b.Param(0), b.Param(5), b.Param(7)
	b.Loop(k.rows, 1, func() {
		k.row(8, unroll)
		writeSums(b, k.y, 1, k.acc[:m])
		b.AddInt(k.w, b.Param(6))
	})
	return b.F
}

func newQ8(b *ir.Builder, c Caps, t *spec.Type, m, group int) *q8 {
	k := &q8{reader: newReader(b, c, t), b: b, m: m, group: group}
	_, factor, _ := k.reader.a.int8Levels()
	k.scale, k.min = scaled(k.reader.a.Scale, factor, t), k.reader.a.Min
	k.one = oneRowOf(k)
	k.lanes = ir.VectorLanes
	folded := k.isUniform(k.scale) && !k.hasBlockCode(k.scale) && !k.hasBlockCode(k.min)
	if k.one != nil {
		folded = k.one.grain == chunk
	}
	if c.Folded && folded {
		k.lanes /= 2
	}
	k.reader.width = k.lanes
	return k
}

// isUniform reports whether one scale serves all lanes of a chunk.
func (k *q8) isUniform(e spec.Expr) bool {
	return perBlock(e, k.reader.t.Block) || e.Run()%chunk == 0
}

// hasBlockCode reports whether e has an integer of the block in it, such as a zero point: it is
// read into a whole vector.
func (k *q8) hasBlockCode(e spec.Expr) bool {
	found := false
	if e != nil {
		spec.Walk(e, func(e spec.Expr) {
			r, ok := e.(*spec.Ref)
			found = found || ok && r.Code != nil && perBlock(r, k.reader.t.Block)
		})
	}
	return found
}

// row sums the products of the row that k.w points to; the number of blocks is a parameter.
func (k *q8) row(blocks, unroll int) {
	b := k.b
	// A sum waits for the one before it, so a single row of x gets several, and twice as many where
	// little else is between them.
	vectors, chains := k.m, max(1, k.reader.caps.Chains/2/k.m)
	switch {
	case k.across:
		vectors, chains = 1, 2
	case k.one != nil && k.reader.caps.Folded: // a sum for each four of chunks
		chains = k.one.groups / fours
	case k.one != nil:
		chains = k.reader.caps.Chains
	}
	k.acc = accumulators(b, f32s(k.lanes), vectors*chains, "acc")
	k.q, k.d = b.Param(2), b.Param(3)
	if k.min != nil || k.one != nil && k.one.off != 0 {
		k.s = b.Param(4)
	}
	if k.one != nil && k.reader.caps.Folded && k.s != nil {
		k.one.shares = accumulators(b, f32s(k.lanes), 1, "share")[0]
	}
	count, src := b.Param(blocks), b.Copy(k.w, "src")
	switch {
	case k.one != nil:
		unroll = k.one.blocks
		b.Loop(count, unroll, func() { k.turn(src) })
	case unroll > 1:
		b.Loop(count, unroll, func() { k.blocks(src, unroll) })
	}
	if k.one == nil || unroll > 1 {
		b.Loop(count, 1, func() { k.blocks(src, 1) })
	}
	for i := vectors; i < len(k.acc); i++ {
		k.acc[i%vectors] = b.Add(k.acc[i%vectors], k.acc[i])
	}
	if k.one != nil && k.one.shares != nil {
		b.FMA(k.acc[0], k.one.shares, b.Const(f32s(k.lanes), splatF32(k.one.times, k.lanes), "times"))
	}
}

// scaled is the scale of int8 levels: the type's own times the factor of the levels.
func scaled(scale spec.Expr, factor float32, t *spec.Type) spec.Expr {
	if factor == 1 && scale != nil {
		return scale
	}
	f := &spec.Num{Node: spec.Node{Kind: spec.Float, Shape: spec.Const, Same: t.Block}, F: factor}
	if scale == nil {
		return f
	}
	return &spec.Binary{Node: spec.Node{Kind: spec.Float, Shape: spec.Scalar, Same: scale.Run()}, Op: "*", X: scale, Y: f}
}
