package lower

import (
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// Not every value is scale * level + min. Those that are not, two codes multiplied, a
// scale for every other value, a condition on a code, are read plainly: each code in i32
// lanes, and the expression as it stands.

// eitherWay builds a kernel from levels and scales, or plainly where that has no form.
func eitherWay(build func(plain bool) *ir.Func) (f *ir.Func) {
	if why := reason(func() { f = build(false) }); why == "" {
		return f
	}
	return build(true)
}

// readerFor is a reader of levels and scales, or a plain one.
func readerFor(b *ir.Builder, c Caps, t *spec.Type, plain bool) *reader {
	if plain && t.Block > 1 {
		return &reader{b: b, caps: c, t: t, plain: true, width: ir.VectorLanes}
	}
	return newReader(b, c, t)
}

// plainValue is Value at i..i+lanes-1.
func (r *reader) plainValue(i int) *ir.Value {
	e := evaluator{b: r.b, n: ir.VectorLanes, body: map[string]*ir.Value{}, leaf: r.leaf}
	return e.eval(r.t.Value, cursor{first: i})
}

// leaf is a field, a code or a table over i, lane l standing for value c.first+l.
func (r *reader) leaf(x spec.Expr, c cursor) *ir.Value {
	n := ir.VectorLanes
	switch x := x.(type) {
	case *spec.PerIndex:
		return r.b.Const(i32s(n), dwordConst(laneWords(x, c.first, n)), "table")
	case *spec.Ref:
		if x.Code != nil {
			return gatherWords(r.b, r.block, r.t, x.Code, func(l int) int { return c.first + l })
		}
		return r.field(x.Field, f32s(n))
	case *spec.Call:
		if x.Transform != nil || isFold(x) {
			giveUp("value uses %s over the block", x.Fn)
		}
	}
	return nil
}
