package spec

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// guardScope is where a guard is read: a condition over head_dim and quantised.
func (p *parser) guardScope() *scope {
	return &scope{parser: p, used: map[string]bool{}, vars: map[string]*variable{
		"head_dim":  {node: Node{Kind: Int, Shape: Scalar, Same: 1, bounds: Bounds{Lo: 1, Hi: maxHead}}},
		"quantised": {node: Node{Kind: Bool, Shape: Scalar, Same: 1}},
	}}
}

// guard reads a condition of integers. Floats are refused: what a head can be is whole.
func (s *scope) guard(e hclsyntax.Expression) *Guard {
	g := s.guardScope()
	g.params = s.params
	x := g.condition(e, 0)
	if x == nil {
		return nil
	}
	whole := true
	Walk(x, func(x Expr) {
		if kindOf(x) == Float && whole {
			s.fail(ruleGuard, x.Pos())
			whole = false
		}
	})
	if !whole {
		return nil
	}
	return &Guard{x, strings.Join(strings.Fields(s.text(e)), " ")}
}

// Holds evaluates the guard.
func (g *Guard) Holds(headDim int, quantised bool) bool {
	return guardValue(g.Cond, headDim, quantised) != 0
}

// checkGuard: a type that fits no head is a mistake.
func (s *scope) checkGuard() {
	unit := s.typ.Block
	if s.typ.Pad {
		unit = 1
	}
	s.satisfiable(s.typ.Guard, unit, s.typ.Quantised)
}

// satisfiable refuses a guard that no head of whole units satisfies, of types that are quantised or
// not as given.
func (s *scope) satisfiable(g *Guard, unit int, quantised ...bool) {
	if g == nil {
		return
	}
	size := 0
	Walk(g.Cond, func(Expr) { size++ })
	for n := unit; n <= maxHead; n += unit {
		if s.steps -= size; !s.step(g.Cond.Pos()) {
			return
		}
		for _, q := range quantised {
			if g.Holds(n, q) {
				return
			}
		}
	}
	s.fail(ruleGuardNever, g.Cond.Pos(), maxHead, unit)
}

// guardValue is an integer, or a condition as 0 or 1. Quotients and remainders by 0 are 0.
func guardValue(e Expr, headDim int, quantised bool) int {
	of := func(e Expr) int { return guardValue(e, headDim, quantised) }
	switch e := e.(type) {
	case *Num:
		return e.I
	case *Ref:
		if e.Name == "quantised" {
			return b2i(quantised)
		}
		return headDim
	case *Unary:
		if e.Op == "!" {
			return 1 - of(e.X)
		}
		return -of(e.X)
	case *Cond:
		if of(e.If) != 0 {
			return of(e.Then)
		}
		return of(e.Else)
	case *Call:
		x := of(e.Args[0])
		switch e.Fn {
		case "min":
			return min(x, of(e.Args[1]))
		case "max":
			return max(x, of(e.Args[1]))
		case "clamp":
			return min(max(x, of(e.Args[1])), of(e.Args[2]))
		}
		return max(x, -x) // abs: no other function is of integers alone
	case *Binary:
		return guardBinary(e.Op, of(e.X), of(e.Y))
	}
	return 0
}

func guardBinary(op string, x, y int) int {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/", "%":
		switch {
		case y == 0:
			return 0
		case op == "/":
			return x / y
		}
		return x % y
	case "<":
		return b2i(x < y)
	case "<=":
		return b2i(x <= y)
	case ">":
		return b2i(x > y)
	case ">=":
		return b2i(x >= y)
	case "==":
		return b2i(x == y)
	case "!=":
		return b2i(x != y)
	case "&&":
		return x & y
	}
	return x | y
}
