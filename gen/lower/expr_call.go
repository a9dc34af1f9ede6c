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
		return b.Bin(pick(ints, ir.OpMinI, ir.OpMinF), arg(0), arg(1), "min")
	case "max":
		return b.Bin(pick(ints, ir.OpMaxI, ir.OpMaxF), arg(0), arg(1), "max")
	case "clamp":
		low := b.Bin(pick(ints, ir.OpMaxI, ir.OpMaxF), arg(0), arg(1), "clamp")
		return b.Bin(pick(ints, ir.OpMinI, ir.OpMinF), low, arg(2), "clamp")
	case "abs":
		if ints {
			return b.Un(ir.OpAbsI, arg(0), 0, "abs")
		}
		return e.abs(arg(0))
	case "sqrt":
		return b.Un(ir.OpSqrt, arg(0), 0, "sqrt")
	case "floor":
		return b.Un(ir.OpFloor, arg(0), 0, "floor")
	case "f16":
		return b.Un(ir.OpRoundF16, arg(0), 0, "f16")
	case "bf16":
		half := b.To(ir.OpToBF16, i32s(e.n), "bf16", arg(0))
		return as(b, f32s(e.n), b.Un(ir.OpShl, half, 16, "bf16"))
	case "e8m0": // the exponent alone; 0 stands for the subnormal 2^-127
		exponent := binC(b, ir.OpAnd, as(b, i32s(e.n), arg(0)), infinity, "e8m0")
		return as(b, f32s(e.n), binC(b, ir.OpMaxI, exponent, 1<<22, "e8m0"))
	case "inv":
		return e.inv(arg(0))
	case "trunc":
		return b.To(ir.OpTruncI, i32s(e.n), "trunc", arg(0))
	case "rint":
		return b.To(ir.OpRintI, i32s(e.n), "rint", arg(0))
	case "round":
		return e.round(arg(0))
	case "float":
		return b.To(ir.OpToF32, f32s(e.n), "float", arg(0))
	case "nearest":
		return e.nearest(arg(0), x.Book.Thresholds)
	}
	giveUp("%s has no vector form here", x.Fn)
	return nil
}

func (e *evaluator) abs(x *ir.Value) *ir.Value { return binC(e.b, ir.OpAnd, x, magnitude, "abs") }

func pick(first bool, a, b ir.Op) ir.Op {
	if first {
		return a
	}
	return b
}

// inv is 1/x, and 0 for x = 0.
func (e *evaluator) inv(x *ir.Value) *ir.Value {
	one := e.b.Const(x.Type, splatF32(1, e.n), "one")
	nonZero := compare(e.b, ir.NotEqual, x, nil, 0)
	inverse := as(e.b, i32s(e.n), e.b.Bin(ir.OpDiv, one, x, "inv"))
	return as(e.b, x.Type, e.b.Bin(ir.OpAnd, inverse, nonZero, "inv"))
}

// round adds the largest float below 1/2 with the sign of x and truncates: with 1/2
// itself, the float before 1/2 would round up to 1.
func (e *evaluator) round(x *ir.Value) *ir.Value {
	const beforeHalf = 0x3EFFFFFF
	half := binC(e.b, ir.OpAnd, x, signBit, "half")
	bits := e.b.Const(x.Type, dwordConst(repeat(beforeHalf, e.n)), "half")
	half = e.b.Bin(ir.OpOr, half, bits, "half")
	return e.b.To(ir.OpTruncI, i32s(e.n), "round", e.b.Bin(ir.OpAdd, x, half, "x"))
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
	first := compare(b, ir.NotLess, x, nil, math.Float32bits(all[len(all)/2]))
	n := b.Un(ir.OpAbsI, first, 0, "code")
	for s := 1; s < steps; s++ {
		middle := make([]float32, 1<<s)
		for q := range middle {
			middle[q] = all[(2*q+1)<<(steps-1-s)-1]
		}
		above := compare(b, ir.NotLess, x, e.lookup(n, middle, "threshold"), 0)
		n = b.Bin(ir.OpSubI, b.Bin(ir.OpAddI, n, n, "code"), above, "code")
	}
	if len(all) > len(thresholds) { // an infinity or NaN passes those that were added
		n = binC(b, ir.OpMinI, n, uint32(len(thresholds)), "code")
	}
	return n
}
