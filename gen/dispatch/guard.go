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

// condition is a guard's expression over head_dim and quantised. Operators are bracketed rather than ranked: guards are
// short.
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
		return inner(e.X).Op(e.Op).Add(inner(e.Y))
	}
	panic(fmt.Sprintf("dispatch: %s: no such expression in a guard: %T", e.Pos(), e))
}

// inner is an operand: an atom, a product of atoms, or something in brackets.
func inner(e spec.Expr) *jen.Statement {
	if b, ok := e.(*spec.Binary); ok && b.Op != "%" {
		return jen.Parens(condition(e))
	}
	return condition(e)
}
