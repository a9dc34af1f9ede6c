package spec

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// shapeOf combines the shapes of two operands. What depends on i and on the block's content exists
// once per value.
func shapeOf(a, b Shape) Shape {
	if a == Index && b == Scalar || a == Scalar && b == Index {
		return Vector
	}
	return max(a, b)
}

// join is the node of an operator over operands of the given shapes and runs.
func join(k Kind, rng hcl.Range, xs ...Expr) Node {
	n := Node{Kind: k, Range: rng, Same: xs[0].Run()}
	for _, x := range xs {
		_, sh := x.Type()
		n.Shape = shapeOf(n.Shape, sh)
		n.Same = gcd(n.Same, x.Run())
	}
	return n
}

func kindOf(x Expr) Kind { k, _ := x.Type(); return k }

func kindName(k Kind) string { return [...]string{"a float", "an integer", "a condition"}[k] }

// toFloat converts an Int to Float; a Float stays as it is.
func toFloat(x Expr) Expr {
	if kindOf(x) == Float {
		return x
	}
	if n, ok := x.(*Num); ok {
		node := n.Node
		node.Kind, node.bounds = Float, between(float64(float32(n.I)))
		return &Num{Node: node, F: float32(n.I)}
	}
	c := &Call{Node: join(Float, x.Pos(), x), Fn: "float", Args: []Expr{x}}
	c.bounds = x.Bounds().rounded()
	return c
}

// number resolves e and rejects a condition.
func (s *scope) number(e hclsyntax.Expression, depth int) Expr {
	x := s.expr(e, depth+1)
	if x != nil && kindOf(x) == Bool {
		s.fail(ruleKind, e.Range(), "a number", kindName(Bool))
		return nil
	}
	return x
}

// condition resolves e and rejects a number.
func (s *scope) condition(e hclsyntax.Expression, depth int) Expr {
	x := s.expr(e, depth+1)
	if x != nil && kindOf(x) != Bool {
		s.fail(ruleKind, e.Range(), "a condition", kindName(kindOf(x)))
		return nil
	}
	return x
}

func (s *scope) unary(e *hclsyntax.UnaryOpExpr, depth int) Expr {
	if e.Op == hclsyntax.OpLogicalNot {
		x := s.condition(e.Val, depth)
		if x == nil {
			return nil
		}
		return &Unary{join(Bool, e.SrcRange, x), "!", x}
	}
	x := s.number(e.Val, depth)
	if x == nil {
		return nil
	}
	n := join(kindOf(x), e.SrcRange, x)
	if c, ok := x.(*Num); ok { // an Int constant was folded as an index
		return &Num{Node: n, F: -c.F, I: -c.I}
	}
	return &Unary{n, "-", x}
}

func (s *scope) binary(e *hclsyntax.BinaryOpExpr, depth int) Expr {
	op := opNames[e.Op]
	if op == "&&" || op == "||" {
		x, y := s.condition(e.LHS, depth), s.condition(e.RHS, depth)
		if x == nil || y == nil {
			return nil
		}
		return &Binary{join(Bool, e.SrcRange, x, y), op, x, y}
	}
	x, y := s.number(e.LHS, depth), s.number(e.RHS, depth)
	if x == nil || y == nil {
		return nil
	}
	if kindOf(x) != kindOf(y) {
		x, y = toFloat(x), toFloat(y)
	}
	kind := kindOf(x)
	if op == "%" && kind == Float {
		s.fail(ruleModulo, e.SrcRange)
		return nil
	}
	switch op {
	case "<", "<=", ">", ">=", "==", "!=":
		return &Binary{join(Bool, e.SrcRange, x, y), op, x, y}
	}
	n := join(kind, e.SrcRange, x, y)
	a, xConst := x.(*Num)
	b, yConst := y.(*Num)
	if !xConst || !yConst || kind != Float {
		return &Binary{n, op, x, y}
	}
	// The same single rounding as at run time. A division by a constant zero is left to run time.
	c := &Num{Node: n}
	switch op {
	case "+":
		c.F = a.F + b.F
	case "-":
		c.F = a.F - b.F
	case "*":
		c.F = a.F * b.F
	case "/":
		c.F = a.F / b.F
	}
	if c.F-c.F != 0 { // infinite or NaN
		s.fail(ruleConstantRange, e.SrcRange)
		return nil
	}
	return c
}

// cond resolves a conditional. One whose condition is known keeps the taken branch only: this is
// how a family varies its formulas, so the other branch need not even make sense.
func (s *scope) cond(e *hclsyntax.ConditionalExpr, depth int) Expr {
	c := s.condition(e.Condition, depth)
	if c == nil {
		return nil
	}
	if known, ok := c.(*Num); ok {
		if known.I != 0 {
			return s.expr(e.TrueResult, depth+1)
		}
		return s.expr(e.FalseResult, depth+1)
	}
	x, y := s.number(e.TrueResult, depth), s.number(e.FalseResult, depth)
	if x == nil || y == nil {
		return nil
	}
	if kindOf(x) != kindOf(y) {
		x, y = toFloat(x), toFloat(y)
	}
	return &Cond{join(kindOf(x), e.SrcRange, c, x, y), c, x, y}
}
