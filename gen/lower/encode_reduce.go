package lower

import (
	"math"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// prepare computes what x needs before the loop that evaluates it: reductions and
// transforms, which are loops themselves, and, when x varies along the block, its parts
// that do not.
func (e *encoder) prepare(x spec.Expr, varies bool) {
	if _, ok := e.made[x]; ok {
		return
	}
	if c, ok := x.(*spec.Call); ok {
		switch {
		case c.Transform != nil:
			e.prepare(c.Args[0], true)
			e.made[x] = e.transform(c)
			return
		case isFold(c):
			e.prepare(c.Args[0], true)
			e.made[x] = e.reduce(c)
			return
		}
	}
	_, isRef := x.(*spec.Ref)
	_, isNum := x.(*spec.Num)
	hoist := varies && !e.varies(x) && !isRef && !isNum
	for _, child := range spec.Children(x) {
		e.prepare(child, varies && !hoist)
	}
	if hoist {
		e.made[x] = e.compute(x)
	}
}

// isFold reports whether c is a reduction; min and max of two values are not.
func isFold(c *spec.Call) bool {
	switch c.Fn {
	case "sum", "absmax", "extremum":
		return true
	case "min", "max":
		return len(c.Args) == 1
	}
	return false
}

// reduce runs a reduction from the first value to the last, over the block or each run.
func (e *encoder) reduce(c *spec.Call) variable {
	b, run := e.b, c.Group
	if run == 0 {
		run = e.t.Block
	}
	v := e.room(spec.Float, run)
	start := float32(0)
	switch c.Fn {
	case "min":
		start = math.MaxFloat32
	case "max":
		start = -math.MaxFloat32
	}
	x := c.Args[0]
	if run == e.t.Block {
		acc := b.Const(f32s(e.n), splatF32(start, e.n), c.Fn)
		e.each(x, func(at cursor) { e.fold(c.Fn, acc, e.eval(x, at)) })
		e.put(v, cursor{}, acc)
		return v
	}
	part := run
	for _, g := range e.groups(x) {
		part = gcd(part, g)
	}
	e.runs(run, x, func(at cursor) {
		acc := b.Const(f32s(e.n), splatF32(start, e.n), c.Fn)
		for i := 0; i < run; i += part {
			from := at
			from.first += i
			e.values(from, part, func(at cursor) { e.fold(c.Fn, acc, e.eval(x, at)) })
		}
		e.put(v, at, acc)
	})
	return v
}

// fold joins x to acc in place. A NaN never wins a comparison; an equal value does not
// take the place of an earlier one.
func (e *encoder) fold(fn string, acc, x *ir.Value) {
	b := e.b
	switch fn {
	case "sum":
		b.Into(acc, b.Add(acc, x))
	case "min":
		b.Into(acc, b.MinF(x, acc))
	case "max":
		b.Into(acc, b.MaxF(x, acc))
	case "absmax":
		b.Into(acc, b.MaxF(e.abs(x), acc))
	case "extremum":
		b.Into(acc, b.Select(compare(b, e.abs(x), ir.Greater, e.abs(acc)), x, acc))
	}
}

// transform fills an array with the argument of a transform and transforms it: a pass
// over the array does up to three stages on 8 vectors in registers.
func (e *encoder) transform(c *spec.Call) variable {
	b, tr := e.b, c.Transform
	before, after := tr.Left, tr.Right
	if c.Fn == "inverse" {
		before, after = after, before
	}
	v := e.room(spec.Float, 1)
	left := e.signs(before, 1)
	e.each(c.Args[0], func(at cursor) {
		x := e.eval(c.Args[0], at)
		if left != nil {
			x = b.Mul(x, e.word(f32s(e.n), left, at))
		}
		e.put(v, at, x)
	})
	right := e.signs(after, tr.Norm)
	for stride := 1; stride < tr.Size; {
		radix := 8
		switch left := tr.Size / stride; left {
		case 2, 4:
			radix = left
		case 16:
			radix = 4
		}
		factor := func(x *ir.Value, at cursor) *ir.Value { return x }
		if stride*radix == tr.Size {
			factor = func(x *ir.Value, at cursor) *ir.Value {
				if right == nil {
					return b.Mul(x, ir.SplatF32(tr.Norm))
				}
				return b.Mul(x, e.word(f32s(e.n), right, at))
			}
		}
		e.stages(v, stride, radix, factor)
		stride *= radix
	}
	return v
}

// signs is a table of factor*sign for every value of the block, nil for no signs.
func (e *encoder) signs(signs []float32, factor float32) *ir.Value {
	if signs == nil {
		return nil
	}
	all := make([]float32, e.t.Block)
	for i := range all {
		all[i] = factor * signs[i%len(signs)]
	}
	return table(e.b, all, "signs")
}

// word is the entry of a table of words for the cursor, in all lanes.
func (e *encoder) word(t ir.Type, table *ir.Value, c cursor) *ir.Value {
	m := ir.At(table, 4*c.first)
	if c.index != nil {
		m.Index, m.Scale = c.index, 1
	}
	return e.b.Broadcast(t, m, "word")
}

// stages does the stages of strides stride, 2*stride ... radix/2*stride.
func (e *encoder) stages(v variable, stride, radix int, factor func(x *ir.Value, at cursor) *ir.Value) {
	b := e.b
	index := b.ZeroWord("index")
	one := func() {
		x := make([]*ir.Value, radix)
		for j := range x {
			x[j] = e.get(v, cursor{index: index, first: j * stride}, "x")
		}
		butterflies(b, x)
		for j := range x {
			at := cursor{index: index, first: j * stride}
			e.put(v, at, factor(x[j], at))
		}
		b.AddImm(index, 4)
	}
	outer := count(b, e.t.Block/(stride*radix))
	b.Loop(outer, 1, func() {
		if stride == 1 {
			one()
		} else {
			inner := count(b, stride)
			b.Loop(inner, 1, one)
		}
		b.AddImm(index, 4*(stride*radix-stride))
	})
}
