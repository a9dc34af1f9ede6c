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
	k := &rounder{b: b, lanes: c.Lanes, group: group, limit: 127}
	q, d, s, x, groups := b.Param(0), b.Param(1), b.Param(2), b.Param(3), b.Param(4)
	stepQ, stepD, stepS := b.Param(5), b.Param(6), b.Param(7)
	b.Loop(groups, 1, func() {
		scale, inverse, keep := k.scale(x)
		b.Do(ir.OpStoreLow, ir.Instr{Args: []*ir.Value{scale}, Mem: ir.At(d, 0), Imm: 4})
		b.Note("q: round to even, 0 where the group has no scale")
		var sums []*ir.Value
		for i := 0; i < group; i += chunk {
			codes := k.codes(x, i, inverse, keep)
			b.Store(codes, ir.At(q, i))
			ones := b.Const(bytes(chunk), splatByte(1), "ones")
			sums = append(sums, b.To(ir.OpDotU8S8, i32s(k.lanes), "sums", ones, codes))
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
		v := binC(b, ir.OpAnd, x(i), magnitude, "magnitude")
		if m := most[i%4]; m != nil {
			v = b.Bin(ir.OpMaxI, m, v, "most")
		}
		most[i%4] = v
	}
	m := b.Bin(ir.OpMaxI, b.Bin(ir.OpMaxI, most[0], most[1], "most"), b.Bin(ir.OpMaxI, most[2], most[3], "most"), "most")
	for h := n / 2; h > 0; h /= 2 {
		m = b.Bin(ir.OpMaxI, m, b.Un(ir.OpSwap, m, h, "other"), "most")
	}
	largest := as(b, f32s(n), m)
	limit := b.Const(f32s(n), splatF32(k.limit, n), "limit")
	scale = b.Bin(ir.OpDiv, largest, limit, "d")
	inverse = b.Bin(ir.OpDiv, limit, largest, "id")
	b.Note("no scale: an infinity or NaN gives d = NaN, magnitudes whose inverse overflows d = 0")
	special := compare(b, ir.Greater, m, nil, infinity-1)
	finite := compare(b, ir.Greater, b.Const(i32s(n), dwordConst(repeat(infinity, n)), "infinity"), as(b, i32s(n), inverse), 0)
	nan := b.Const(f32s(n), dwordConst(repeat(quietNaN, n)), "NaN")
	scale = as(b, f32s(n), b.Bin(ir.OpAnd, as(b, i32s(n), scale), finite, "d"))
	scale = b.To(ir.OpSelect, f32s(n), "d", special, nan, scale)
	keep = b.Bin(ir.OpAnd, finite, compare(b, ir.Greater, b.Const(i32s(n), dwordConst(repeat(infinity, n)), "infinity"), m, 0), "keep")
	return scale, inverse, keep
}

// codes rounds 32 values from i on.
func (k *rounder) codes(x *ir.Value, i int, inverse, keep *ir.Value) *ir.Value {
	b, n := k.b, k.lanes
	var parts []*ir.Value
	for j := range chunk / n {
		parts = append(parts, k.round(b.Load(f32s(n), ir.At(x, 4*(i+n*j)), "x"), inverse, keep))
	}
	return b.To(ir.OpPackS4, bytes(chunk), "q", parts...)
}

// round rounds one vector.
func (k *rounder) round(x, inverse, keep *ir.Value) *ir.Value {
	b, n := k.b, k.lanes
	v := b.Bin(ir.OpMul, x, inverse, "q")
	v = as(b, f32s(n), b.Bin(ir.OpAnd, as(b, i32s(n), v), keep, "q"))
	return b.To(ir.OpRintI, i32s(n), "q", v)
}

// sums adds the sums of 4 that each vector holds to sums of 16 and stores them times d.
func (k *rounder) sums(s *ir.Value, v []*ir.Value, scale *ir.Value) {
	b, n := k.b, k.lanes
	total := len(v)
	pair := func(i int) *ir.Value {
		return b.To(ir.OpAddPairs, i32s(n), "sums", v[i], v[min(i+1, len(v)-1)])
	}
	first, second := pair(0), (*ir.Value)(nil)
	if second = first; total > 2 {
		second = pair(2)
	}
	all := b.To(ir.OpAddPairs, i32s(n), "sums", first, second)
	// Lanes 0..3 hold the first half of each vector of 32 values, lanes 4..7 the second.
	all = b.UnC(ir.OpOrder, all, dwordConst([]uint32{0, 4, 1, 5, 2, 6, 3, 7}), "sums")
	out := b.Bin(ir.OpMul, scale, b.To(ir.OpToF32, f32s(n), "sums", all), "s")
	if total*2 == n {
		b.Store(out, ir.At(s, 0))
		return
	}
	b.Do(ir.OpStoreLow, ir.Instr{Args: []*ir.Value{out}, Mem: ir.At(s, 0), Imm: 8 * total})
}
