package dispatch

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
)

// guard is the literal of a condition on a head: its text and a function.
func guard(g *spec.Guard) jen.Code {
	if g == nil {
		return jen.Nil()
	}
	return jen.Op("&").Id("Guard").Add(rows([]jen.Code{
		pair("Text", jen.Lit(g.Text)),
		pair("Holds", jen.Func().Params(jen.Id("headDim").Int(), jen.Id("quantised").Bool()).Bool().Block(
			jen.Return(condition(g.Cond)))),
	}))
}

// condition is a guard's expression over head_dim and quantised. Operators are bracketed rather
// than ranked: guards are short.
func condition(e spec.Expr) *jen.Statement {
	switch e := e.(type) {
	case *spec.Num:
		if e.Kind == spec.Bool {
			return jen.Lit(e.I != 0)
		}
		return jen.Lit(e.I)
	case *spec.Ref:
		return jen.Id(map[string]string{"head_dim": "headDim", "quantised": "quantised"}[e.Name])
	case *spec.Unary:
		return jen.Op(e.Op).Add(inner(e.X))
	case *spec.Binary:
		if by, known := e.Y.(*spec.Num); (e.Op == "/" || e.Op == "%") && (!known || by.I == 0) {
			return jen.Id(map[string]string{"/": "quotient", "%": "remainder"}[e.Op]).Call(condition(e.X), condition(e.Y))
		}
		return inner(e.X).Op(e.Op).Add(inner(e.Y))
	case *spec.Cond:
		return jen.Id("choose").Call(condition(e.If), condition(e.Then), condition(e.Else))
	case *spec.Call:
		return call(e)
	}
	panic(fmt.Sprintf("dispatch: %s: no such expression in a guard: %T", e.Pos(), e))
}

// call is one of the functions of integers.
func call(e *spec.Call) *jen.Statement {
	args := make([]jen.Code, len(e.Args))
	for k, a := range e.Args {
		args[k] = condition(a)
	}
	switch e.Fn {
	case "min", "max":
		return jen.Id(e.Fn).Call(args...)
	case "clamp":
		return jen.Min(jen.Max(args[0], args[1]), args[2])
	case "abs":
		return jen.Id("magnitude").Call(args...)
	}
	panic(fmt.Sprintf("dispatch: %s: no such function in a guard: %s", e.Pos(), e.Fn))
}

// inner is an operand: an atom, a remainder of atoms, or something in brackets.
func inner(e spec.Expr) *jen.Statement {
	switch e := e.(type) {
	case *spec.Binary:
		if e.Op != "%" || !isAtom(e.X) || !isAtom(e.Y) {
			return jen.Parens(condition(e))
		}
	case *spec.Unary:
		return jen.Parens(condition(e))
	}
	return condition(e)
}

// isAtom reports whether e is a name or a number.
func isAtom(e spec.Expr) bool {
	switch e.(type) {
	case *spec.Num, *spec.Ref:
		return true
	}
	return false
}
