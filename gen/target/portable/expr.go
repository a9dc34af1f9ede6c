package portable

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
)

// Precedences of Go operators; a term binds as tightly as its weakest operator outside brackets.
const (
	orPrec = iota + 1
	andPrec
	comparePrec
	addPrec
	mulPrec
	unaryPrec
)

var precedence = map[string]int{
	"||": orPrec, "&&": andPrec,
	"==": comparePrec, "!=": comparePrec, "<": comparePrec, "<=": comparePrec, ">": comparePrec, ">=": comparePrec,
	"+": addPrec, "-": addPrec, "*": mulPrec, "/": mulPrec, "%": mulPrec,
}

// term is Go text with its precedence.
type term struct {
	code *jen.Statement
	prec int
}

// in puts t in brackets where an operator of precedence prec would tear it apart.
func (t term) in(prec int) jen.Code {
	if t.prec < prec {
		return jen.Parens(t.code)
	}
	return t.code
}

func atom(code ...jen.Code) term { return term{jen.Add(code...), unaryPrec} }

// value is e for lane i. What e needs beforehand, such as a reduction over the block, is emitted
// first.
func (s *scope) value(e spec.Expr) jen.Code { return s.lane(e).code }

// lane is e for lane i of the loop that will be emitted next.
func (s *scope) lane(e spec.Expr) term {
	switch e := e.(type) {
	case *spec.Num:
		return literal(e)
	case *spec.PerIndex:
		return s.perIndex(e)
	case *spec.Ref:
		if v, ok := s.vars[e.Name]; ok {
			return atom(v.at("i"))
		}
		panic(fmt.Sprintf("portable: %s: %s is read before it has a value", s.typ.Name, e.Name))
	case *spec.Unary:
		return term{jen.Op(e.Op).Add(s.operand(e, e.X).in(unaryPrec)), unaryPrec}
	case *spec.Binary:
		return s.binary(e)
	case *spec.Cond:
		c, x, y := s.operand(e, e.If), s.operand(e, e.Then), s.operand(e, e.Else)
		return atom(jen.Id("choose").Call(c.code, typed(e.Then, x), y.code))
	case *spec.Lookup:
		return s.lookup(e)
	case *spec.Call:
		return s.call(e)
	}
	panic(fmt.Sprintf("portable: %s: unknown expression %T", s.typ.Name, e))
}

// operand is the operand x of e. Where x is the same for the whole block and e is not, x is
// computed once, before the loop.
func (s *scope) operand(e, x spec.Expr) term {
	_, outer := e.Type()
	_, inner := x.Type()
	if outer != spec.Vector || inner != spec.Scalar {
		return s.lane(x)
	}
	if _, ok := x.(*spec.Ref); ok {
		return s.lane(x)
	}
	name := s.fresh("scalar")
	s.emit(jen.Id(name).Op(":=").Add(s.lane(x).code))
	return atom(jen.Id(name))
}

func (s *scope) binary(e *spec.Binary) term {
	x, y := s.operand(e, e.X), s.operand(e, e.Y)
	kind, _ := e.X.Type()
	prec := precedence[e.Op]
	if kind == spec.Int && (e.Op == "/" || e.Op == "%") && !nonZero(e.Y) {
		name := map[string]string{"/": "quotient", "%": "remainder"}[e.Op]
		return atom(jen.Id(name).Call(x.code, y.code))
	}
	if isNum(e.X) && isNum(e.Y) { // Go would compute with unlimited precision
		x = atom(goKind(kind).Call(x.code))
	}
	code := jen.Add(x.in(prec)).Op(e.Op).Add(y.in(prec + 1))
	if kind == spec.Float && e.Op == "*" {
		return atom(jen.Float32().Call(code)) // keeps Go from fusing the product with a sum
	}
	return term{code, prec}
}

// nonZero reports whether an integer divisor is known not to be zero.
func nonZero(e spec.Expr) bool {
	switch e := e.(type) {
	case *spec.Num:
		return e.I != 0
	case *spec.PerIndex:
		for _, v := range e.I {
			if v == 0 {
				return false
			}
		}
		return true
	}
	return false
}

func isNum(e spec.Expr) bool { _, ok := e.(*spec.Num); return ok }

// typed is t with its Go type spelled out if it is a bare number, for the first argument of a
// generic function.
func typed(e spec.Expr, t term) jen.Code {
	if k, _ := e.Type(); isNum(e) && k != spec.Bool {
		return goKind(k).Call(t.code)
	}
	return t.code
}

// lookup is codebook[index] or table[index]; the checker has proved that the index stays inside.
func (s *scope) lookup(e *spec.Lookup) term {
	index := s.operand(e, e.Index)
	if b := e.Book; b.Name != "" && b.Int8 {
		values := make([]int, len(b.Levels))
		for k, v := range b.Levels {
			values[k] = int(v)
		}
		return atom(jen.Float32().Call(jen.Id(s.tables.ints(b.Name, "int8", values)).Index(index.code)))
	}
	if b := e.Book; b.Name != "" {
		table := s.tables.table(b.Name, fmt.Sprint("float32", b.Levels), func(name string) jen.Code {
			return jen.Var().Id(name).Op("=").Index(jen.Lit(len(b.Levels))).Float32().Add(floats(b.Levels, 8))
		})
		return atom(jen.Id(table).Index(index.code))
	}
	levels := s.tables.table("levels", "levels", func(name string) jen.Code {
		return jen.Var().Id(name).Op("=").Index(jen.Lit(len(e.Book.Levels))).Float32().Add(floats(e.Book.Levels, 8))
	})
	return atom(jen.Id(levels).Index(index.code))
}
