package lower

import (
	"math"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// call is a built-in function lane by lane; reductions and transforms are not among them.
func (e *evaluator) call(x *spec.Call, c cursor) *ir.Value {
	b := e.b
	arg := func(k int) *ir.Value { return e.eval(x.Args[k], c) }
	ints := x.Kind == spec.Int
	switch x.Fn {
	case "min":
		return pick(ints, b.MinI, b.MinF)(arg(0), arg(1))
	case "max":
		return pick(ints, b.MaxI, b.MaxF)(arg(0), arg(1))
	case "clamp":
		low := pick(ints, b.MaxI, b.MaxF)(arg(0), arg(1))
		return pick(ints, b.MinI, b.MinF)(low, arg(2))
	case "abs":
		if ints {
			return b.AbsI(arg(0))
		}
		return e.abs(arg(0))
	case "sqrt":
		return b.Sqrt(arg(0))
	case "floor":
		return b.Floor(arg(0))
	case "f16":
		return b.RoundF16(arg(0)).Named("f16")
	case "bf16":
		half := b.ToBF16(arg(0)).Named("bf16")
		return as(b, f32s(e.n), b.Shl(half, 16))
	case "e8m0": // the exponent alone; 0 stands for the subnormal 2^-127
		exponent := b.And(as(b, i32s(e.n), arg(0)), ir.Splat(infinity))
		return as(b, f32s(e.n), b.MaxI(exponent, ir.Splat(1<<22)))
	case "inv":
		return e.inv(arg(0))
	case "trunc":
		return b.TruncI(arg(0))
	case "rint":
		return b.RintI(arg(0))
	case "round":
		return e.round(arg(0))
	case "float":
		return b.ToF32(arg(0))
	case "as_f16":
		return e.asF16(arg(0))
	case "nearest":
		return e.nearest(arg(0), x.Book.Thresholds)
	}
	giveUp("%s has no vector form here", x.Fn)
	return nil
}

// asF16 is the f16 of the bits in x: its exponent and fraction in the place of those of an f32,
// times a power of two, which makes subnormals of f16 numbers of f32.
func (e *evaluator) asF16(x *ir.Value) *ir.Value {
	b, most := e.b, uint32(0x7BFF) // of finite numbers
	size := b.And(x, ir.Splat(0x7FFF))
	v := as(b, i32s(e.n), b.Mul(as(b, f32s(e.n), b.Shl(size, 13)), ir.SplatF32(0x1p112)))
	v = b.Or(v, b.And(compare(b, size, ir.Greater, ir.Splat(most)), ir.Splat(infinity)))
	return as(b, f32s(e.n), b.Or(v, b.Shl(b.And(x, ir.Splat(0x8000)), 16)))
}

func (e *evaluator) abs(x *ir.Value) *ir.Value { return e.b.And(x, ir.Splat(magnitude)) }

func pick(first bool, a, b second) second {
	if first {
		return a
	}
	return b
}

// inv is 1/x, and 0 for x = 0.
func (e *evaluator) inv(x *ir.Value) *ir.Value {
	one := e.b.Const(x.Type, splatF32(1, e.n), "one")
	nonZero := compare(e.b, x, ir.NotEqual, ir.Splat(0))
	inverse := as(e.b, i32s(e.n), e.b.Div(one, x))
	return as(e.b, x.Type, e.b.And(inverse, nonZero))
}

// round adds the largest float below 1/2 with the sign of x and truncates: with 1/2
// itself, the float before 1/2 would round up to 1.
func (e *evaluator) round(x *ir.Value) *ir.Value {
	const beforeHalf = 0x3EFFFFFF
	half := e.b.And(x, ir.Splat(signBit))
	bits := e.b.Const(x.Type, dwordConst(repeat(beforeHalf, e.n)), "half")
	half = e.b.Or(half, bits)
	return e.b.TruncI(e.b.Add(x, half))
}

// nearest counts the thresholds t with !(x < t) by bisection, which is the same since
// they ascend: each step looks up the threshold in the middle of what is left.
func (e *evaluator) nearest(x *ir.Value, thresholds []float32) *ir.Value {
	b, steps := e.b, 0
	for 1<<steps-1 < len(thresholds) {
		steps++
	}
	all := append([]float32(nil), thresholds...)
	for len(all) < 1<<steps-1 {
		all = append(all, float32(math.Inf(1)))
	}
	first := compare(b, x, ir.NotLess, ir.SplatF32(all[len(all)/2]))
	n := b.AbsI(first)
	for s := 1; s < steps; s++ {
		middle := make([]float32, 1<<s)
		for q := range middle {
			middle[q] = all[(2*q+1)<<(steps-1-s)-1]
		}
		above := compare(b, x, ir.NotLess, e.lookup(n, middle, "threshold"))
		n = b.SubI(b.AddI(n, n), above)
	}
	if len(all) > len(thresholds) { // an infinity or NaN passes those that were added
		n = b.MinI(n, ir.Splat(uint32(len(thresholds))))
	}
	return n
}
