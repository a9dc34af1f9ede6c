package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
)

// QuantiseAct rounds a row of activations to int8 in groups of group values, bit for bit
// cpu.QuantiseActGeneric. Group g of the row goes to position g*step of q, d and s.
func QuantiseAct(c Caps, group int, name string) *ir.Func {
	b := ir.Build(name, []ir.Param{
		{Name: "q", Type: addr, Go: "*int8"}, {Name: "d", Type: addr, Go: "*float32"}, {Name: "s", Type: addr, Go: "*float32"},
		{Name: "x", Type: addr, Go: "*float32"}, {Name: "groups", Type: word, Go: "int"},
		{Name: "stepQ", Type: word, Go: "int"}, {Name: "stepD", Type: word, Go: "int"}, {Name: "stepS", Type: word, Go: "int"},
	}, fmt.Sprintf("%s rounds groups of %d values to int8; s is d times the sums of 16 q, steps are in bytes.", name, group), "",
		"\tfor g := range groups {", "\t\td[g] = absmax(x[g]) / 127", fmt.Sprintf("\t\tfor i := range %d {", group),
		"\t\t\tq[g][i] = rint(x[g][i] / d[g])", "\t\t}", "\t}")
	k := &rounder{b: b, lanes: ir.VectorLanes, group: group, limit: 127}
	q, d, s, x, groups := b.Param(0), b.Param(1), b.Param(2), b.Param(3), b.Param(4)
	stepQ, stepD, stepS := b.Param(5), b.Param(6), b.Param(7)
	b.Loop(groups, 1, func() {
		scale, inverse, keep := k.scale(x)
		b.StoreLow(scale, ir.At(d, 0), 4)
		b.Note("q: round to even, 0 where the group has no scale")
		var sums []*ir.Value
		for i := 0; i < group; i += chunk {
			codes := k.codes(x, i, inverse, keep)
			b.Store(codes, ir.At(q, i))
			ones := b.Const(bytes(chunk), splatByte(1), "ones")
			sums = append(sums, b.DotU8S8(ones, codes))
		}
		k.sums(s, sums, scale)
		b.AddImm(x, 4*group)
		b.AddInt(q, stepQ)
		b.AddInt(d, stepD)
		b.AddInt(s, stepS)
	})
	return b.F
}

// rounder is the state of one QuantiseAct.
type rounder struct {
	b            *ir.Builder
	lanes, group int
	limit        float32 // the largest quant
}

// scale is scaleOf for the group at x.
func (k *rounder) scale(x *ir.Value) (scale, inverse, keep *ir.Value) {
	return k.scaleOf(func(i int) *ir.Value { return k.b.Load(i32s(k.lanes), ir.At(x, 4*k.lanes*i), "x") })
}

// scaleOf finds d and 1/d of the group, in all lanes, and a mask that is zero where all
// quants are 0. Magnitudes are compared as integers, which order like the floats and put
// infinities and then NaNs above them all. x gives vector i of the group, as bits.
func (k *rounder) scaleOf(x func(i int) *ir.Value) (scale, inverse, keep *ir.Value) {
	b, n := k.b, k.lanes
	b.Note(fmt.Sprintf("d: the largest magnitude over %g", k.limit))
	var most [4]*ir.Value
	for i := 0; i < k.group/n; i++ {
		v := b.And(x(i), ir.Splat(magnitude))
		if m := most[i%4]; m != nil {
			v = b.MaxI(m, v)
		}
		most[i%4] = v
	}
	m := b.MaxI(b.MaxI(most[0], most[1]), b.MaxI(most[2], most[3]))
	for h := n / 2; h > 0; h /= 2 {
		m = b.MaxI(m, b.Swap(m, h))
	}
	largest := as(b, f32s(n), m)
	limit := b.Const(f32s(n), splatF32(k.limit, n), "limit")
	scale = b.Div(largest, limit)
	inverse = b.Div(limit, largest)
	b.Note("no scale: an infinity or NaN gives d = NaN, magnitudes whose inverse overflows d = 0")
	special := compare(b, m, ir.Greater, ir.Splat(infinity-1))
	finite := compare(b, b.Const(i32s(n), dwordConst(repeat(infinity, n)), "infinity"), ir.Greater, as(b, i32s(n), inverse))
	nan := b.Const(f32s(n), dwordConst(repeat(quietNaN, n)), "NaN")
	scale = as(b, f32s(n), b.And(as(b, i32s(n), scale), finite))
	scale = b.Select(special, nan, scale)
	keep = b.And(finite, compare(b, b.Const(i32s(n), dwordConst(repeat(infinity, n)), "infinity"), ir.Greater, m))
	return scale, inverse, keep
}

// codes rounds 32 values from i on.
func (k *rounder) codes(x *ir.Value, i int, inverse, keep *ir.Value) *ir.Value {
	b, n := k.b, k.lanes
	var parts []*ir.Value
	for j := range chunk / n {
		parts = append(parts, k.round(b.Load(f32s(n), ir.At(x, 4*(i+n*j)), "x"), inverse, keep))
	}
	return b.PackS4(parts...)
}

// round rounds one vector.
func (k *rounder) round(x, inverse, keep *ir.Value) *ir.Value {
	b, n := k.b, k.lanes
	v := b.Mul(x, inverse)
	v = as(b, f32s(n), b.And(as(b, i32s(n), v), keep))
	return b.RintI(v)
}

// sums adds the sums of 4 that each vector holds to sums of 16 and stores them times d.
func (k *rounder) sums(s *ir.Value, v []*ir.Value, scale *ir.Value) {
	b, n := k.b, k.lanes
	total := len(v)
	pair := func(i int) *ir.Value {
		return b.AddPairs(v[i], v[min(i+1, len(v)-1)])
	}
	first, second := pair(0), (*ir.Value)(nil)
	if second = first; total > 2 {
		second = pair(2)
	}
	all := b.AddPairs(first, second)
	// Lanes 0..3 hold the first half of each vector of 32 values, lanes 4..7 the second.
	all = b.Order(all, dwordConst([]uint32{0, 4, 1, 5, 2, 6, 3, 7}))
	out := b.Mul(scale, b.ToF32(all))
	if total*2 == n {
		b.Store(out, ir.At(s, 0))
		return
	}
	b.StoreLow(out, ir.At(s, 0), 8*total)
}
