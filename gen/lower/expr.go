package lower

import (
	"math"
	"math/bits"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// evaluator computes expressions of the spec lane by lane. What a lane is, a block or a
// value of one block, is up to leaf.
type evaluator struct {
	b    *ir.Builder
	n    int                  // lanes
	body map[string]*ir.Value // values of the loop turn being built, by their text
	// names, tables over i and what is ready; nil for the rest
	leaf func(x spec.Expr, c cursor) *ir.Value
}

// eval is x for the cursor, each operation rounded once, in the order written. Equal
// parts of one loop turn are computed once.
func (e *evaluator) eval(x spec.Expr, c cursor) *ir.Value {
	text := spec.Text(x, func(name string) string { return name })
	if _, constant := x.(*spec.Num); constant {
		return e.lane(x, c)
	}
	v := e.body[text]
	if v == nil {
		v = e.lane(x, c)
		e.body[text] = v
	}
	return v
}

func (e *evaluator) typ(k spec.Kind) ir.Type {
	if k == spec.Float {
		return f32s(e.n)
	}
	return i32s(e.n)
}

func (e *evaluator) lane(x spec.Expr, c cursor) *ir.Value {
	if v := e.leaf(x, c); v != nil {
		return v
	}
	kind, _ := x.Type()
	switch x := x.(type) {
	case *spec.Num:
		return e.b.Const(e.typ(kind), dwordConst(repeat(bitsOf(x), e.n)), "const")
	case *spec.Unary:
		return e.unary(x, c)
	case *spec.Binary:
		return e.binary(x, c)
	case *spec.Cond:
		return e.b.Select(e.eval(x.If, c), e.eval(x.Then, c), e.eval(x.Else, c))
	case *spec.Lookup:
		return e.lookup(e.eval(x.Index, c), x.Book.Levels, "level")
	case *spec.Call:
		return e.call(x, c)
	}
	giveUp("an expression that vector code does not have")
	return nil
}

// bitsOf is a constant as a lane: a truth is all ones.
func bitsOf(x *spec.Num) uint32 {
	switch {
	case x.Kind == spec.Float:
		return math.Float32bits(x.F)
	case x.Kind == spec.Bool && x.I != 0:
		return math.MaxUint32
	}
	return uint32(int32(x.I))
}

// laneWords are entries first..first+n-1 of x as lanes.
func laneWords(x *spec.PerIndex, first, n int) []uint32 {
	words := make([]uint32, n)
	for l := range words {
		words[l] = bitsOf(&spec.Num{Node: x.Node, I: x.I[first+l]})
	}
	return words
}

func (e *evaluator) unary(x *spec.Unary, c cursor) *ir.Value {
	v := e.eval(x.X, c)
	switch {
	case x.Op == "!":
		return e.not(v)
	case x.Kind == spec.Float:
		return e.b.Xor(v, ir.Splat(signBit))
	}
	return e.b.SubI(e.b.Zero(v.Type, "zero"), v)
}

func (e *evaluator) not(v *ir.Value) *ir.Value { return e.b.Xor(v, ir.Splat(math.MaxUint32)) }

var (
	floatOps  = map[string]operation{"+": (*ir.Builder).Add, "-": (*ir.Builder).Sub, "*": (*ir.Builder).Mul, "/": (*ir.Builder).Div}
	intOps    = map[string]operation{"+": (*ir.Builder).AddI, "-": (*ir.Builder).SubI, "*": (*ir.Builder).MulI, "&&": (*ir.Builder).And, "||": (*ir.Builder).Or}
	relations = map[string]ir.Relation{"==": ir.Equal, "!=": ir.NotEqual, "<": ir.Less, "<=": ir.LessEqual, ">": ir.Greater, ">=": ir.GreaterEqual}
)

func (e *evaluator) binary(x *spec.Binary, c cursor) *ir.Value {
	kind, _ := x.X.Type()
	left := e.eval(x.X, c)
	if rel, ok := relations[x.Op]; ok {
		if kind == spec.Float {
			return compare(e.b, left, rel, e.eval(x.Y, c))
		}
		return e.compareInts(rel, left, e.eval(x.Y, c))
	}
	ops := floatOps
	if kind != spec.Float {
		ops = intOps
	}
	op, ok := ops[x.Op]
	if y, isNum := x.Y.(*spec.Num); ok && isNum && x.Op != "||" {
		return op(e.b, left, ir.Splat(bitsOf(y)))
	}
	if v := e.byPower(x, left); v != nil {
		return v
	}
	right := e.eval(x.Y, c)
	if ok {
		return op(e.b, left, right)
	}
	quotient := e.b.DivI(left, right)
	switch x.Op {
	case "/":
		return quotient
	case "%":
		rest := e.b.SubI(left, e.b.MulI(quotient, right))
		zero := compare(e.b, right, ir.Equal, ir.Splat(0))
		return e.b.And(rest, e.not(zero))
	}
	giveUp("the operator %s has no vector form", x.Op)
	return nil
}

// byPower is left over a power of two, or what is left of it, where that is a shift or a mask; else
// nil.
func (e *evaluator) byPower(x *spec.Binary, left *ir.Value) *ir.Value {
	y, ok := x.Y.(*spec.Num)
	if !ok || y.I < 1 || y.I&(y.I-1) != 0 || x.X.Bounds().MayWrap() || x.X.Bounds().Lo < 0 {
		return nil
	}
	switch {
	case x.Op == "%":
		return e.b.And(left, ir.Splat(uint32(y.I-1)))
	case x.Op == "/" && y.I == 1:
		return left
	case x.Op == "/":
		return e.b.Shr(left, bits.TrailingZeros(uint(y.I)))
	}
	return nil
}

// compareInts builds every relation from the two that machines have.
func (e *evaluator) compareInts(rel ir.Relation, x, y *ir.Value) *ir.Value {
	switch rel {
	case ir.NotEqual:
		return e.not(compare(e.b, x, ir.Equal, y))
	case ir.Less:
		return compare(e.b, y, ir.Greater, x)
	case ir.LessEqual:
		return e.not(compare(e.b, x, ir.Greater, y))
	case ir.GreaterEqual:
		return e.not(compare(e.b, y, ir.Greater, x))
	}
	return compare(e.b, x, rel, y)
}

// lookup is the entry of a table that index selects, without a bound check.
func (e *evaluator) lookup(index *ir.Value, levels []float32, name string) *ir.Value {
	if len(levels) <= 64 {
		return e.b.TableF32(index, floatBytes(levels), name)
	}
	return e.b.Levels(index, ir.At(table(e.b, levels, "levels"), 0)).Named(name)
}
