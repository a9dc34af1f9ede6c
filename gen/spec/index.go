package spec

import (
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// This file is the arithmetic of the index: integers and conditions over i,
// block, family parameters and literals. It is evaluated here, for every i, and
// never reaches a kernel. A branch that is not taken is not evaluated.

// indexOnly reports whether e is made of i, constants and integer operators alone.
func (s *scope) indexOnly(e hclsyntax.Expression, depth int) bool {
	if depth > maxDepth || !s.step(e.Range()) {
		return false
	}
	all := func(es ...hclsyntax.Expression) bool {
		for _, e := range es {
			if !s.indexOnly(e, depth+1) {
				return false
			}
		}
		return true
	}
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return all(e.Expression)
	case *hclsyntax.LiteralValueExpr:
		_, err := strconv.Atoi(s.text(e))
		return err == nil || s.text(e) == "true" || s.text(e) == "false"
	case *hclsyntax.ScopeTraversalExpr:
		name, ok := rootName(e)
		_, isParam := s.params[name]
		return ok && (isParam || s.block > 0 && (name == "i" && !s.noIndex || name == "block"))
	case *hclsyntax.UnaryOpExpr:
		return all(e.Val)
	case *hclsyntax.BinaryOpExpr:
		return all(e.LHS, e.RHS)
	case *hclsyntax.ConditionalExpr:
		return all(e.Condition, e.TrueResult, e.FalseResult)
	case *hclsyntax.FunctionCallExpr:
		return (e.Name == "pow" || e.Name == "min" || e.Name == "max") && all(e.Args...)
	}
	return false
}

// index is the value of an index expression at one i: an integer, or a condition as 0 or 1.
type index struct {
	n    int
	bool bool
}

// eval evaluates an index expression at i. It reports what it cannot and returns false.
func (s *scope) eval(e hclsyntax.Expression, i int) (index, bool) {
	if !s.step(e.Range()) {
		return index{}, false
	}
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return s.eval(e.Expression, i)
	case *hclsyntax.LiteralValueExpr:
		text := s.text(e)
		if text == "true" || text == "false" {
			return index{b2i(text == "true"), true}, true
		}
		n, _ := strconv.Atoi(text)
		return s.bounded(n, e.SrcRange)
	case *hclsyntax.ScopeTraversalExpr:
		switch name, _ := rootName(e); name {
		case "i":
			return index{n: i}, true
		case "block":
			return index{n: s.block}, true
		default:
			return index{n: s.params[name]}, true
		}
	case *hclsyntax.UnaryOpExpr:
		x, ok := s.eval(e.Val, i)
		if !ok {
			return x, false
		}
		if e.Op == hclsyntax.OpLogicalNot {
			return index{1 - x.n, true}, s.wants(x, true, e.Val)
		}
		return index{n: -x.n}, s.wants(x, false, e.Val)
	case *hclsyntax.ConditionalExpr:
		c, ok := s.eval(e.Condition, i)
		if !ok || !s.wants(c, true, e.Condition) {
			return c, false
		}
		if c.n != 0 {
			return s.eval(e.TrueResult, i)
		}
		return s.eval(e.FalseResult, i)
	case *hclsyntax.BinaryOpExpr:
		x, ok := s.eval(e.LHS, i)
		if !ok {
			return x, false
		}
		// && and || skip their right side as in Go, so that a division may be guarded.
		if x.bool && (e.Op == hclsyntax.OpLogicalAnd && x.n == 0 || e.Op == hclsyntax.OpLogicalOr && x.n == 1) {
			return x, true
		}
		y, ok := s.eval(e.RHS, i)
		if !ok {
			return y, false
		}
		logical := e.Op == hclsyntax.OpLogicalAnd || e.Op == hclsyntax.OpLogicalOr
		if !s.wants(x, logical, e.LHS) || !s.wants(y, logical, e.RHS) {
			return index{}, false
		}
		return s.binaryIndex(e, x.n, y.n)
	case *hclsyntax.FunctionCallExpr:
		return s.callIndex(e, i)
	}
	s.fail(ruleIndex, e.Range())
	return index{}, false
}

// binaryIndex applies e's operator to two integers (or to two conditions, for && and ||).
func (s *scope) binaryIndex(e *hclsyntax.BinaryOpExpr, x, y int) (index, bool) {
	truth := func(b bool) (index, bool) { return index{b2i(b), true}, true }
	switch opNames[e.Op] {
	case "+":
		return s.bounded(x+y, e.SrcRange)
	case "-":
		return s.bounded(x-y, e.SrcRange)
	case "*":
		return s.bounded(x*y, e.SrcRange)
	case "/", "%":
		if y == 0 {
			s.fail(ruleDivision, e.SrcRange)
			return index{}, false
		}
		if e.Op == hclsyntax.OpDivide {
			return index{n: x / y}, true
		}
		return index{n: x % y}, true
	case "<":
		return truth(x < y)
	case "<=":
		return truth(x <= y)
	case ">":
		return truth(x > y)
	case ">=":
		return truth(x >= y)
	case "==":
		return truth(x == y)
	case "!=":
		return truth(x != y)
	case "&&":
		return truth(x&y != 0)
	default: // "||": HCL has no other operator
		return truth(x|y != 0)
	}
}

// callIndex evaluates pow, min and max of two integers.
func (s *scope) callIndex(e *hclsyntax.FunctionCallExpr, i int) (index, bool) {
	if len(e.Args) != 2 {
		s.fail(ruleArguments, e.Range(), e.Name, "2 integers", len(e.Args))
		return index{}, false
	}
	x, ok := s.eval(e.Args[0], i)
	if !ok {
		return x, false
	}
	y, ok := s.eval(e.Args[1], i)
	if !ok || !s.wants(x, false, e.Args[0]) || !s.wants(y, false, e.Args[1]) {
		return y, false
	}
	switch e.Name {
	case "min":
		return index{n: min(x.n, y.n)}, true
	case "max":
		return index{n: max(x.n, y.n)}, true
	}
	n := 1
	for range min(max(y.n, 0), 32) {
		if n *= x.n; n > maxInt || n < -maxInt {
			break
		}
	}
	return s.bounded(n, e.Range())
}

// wants checks that x is a condition, or that it is an integer.
func (s *scope) wants(x index, cond bool, e hclsyntax.Expression) bool {
	if x.bool == cond {
		return true
	}
	want, got := "an integer", "a condition"
	if cond {
		want, got = got, want
	}
	s.fail(ruleKind, e.Range(), want, got)
	return false
}

// bounded checks that n is small enough to be exact in f32 and safe to multiply once more.
func (s *scope) bounded(n int, rng hcl.Range) (index, bool) {
	if n > maxInt || n < -maxInt {
		s.fail(ruleInteger, rng, maxInt)
		return index{}, false
	}
	return index{n: n}, true
}

// constant evaluates an integer that may not depend on i.
func (s *scope) constant(e hclsyntax.Expression) (int, bool) {
	outer := s.noIndex
	s.noIndex = true
	defer func() { s.noIndex = outer }()
	if !s.indexOnly(e, 0) {
		s.fail(ruleConstant, e.Range())
		return 0, false
	}
	x, ok := s.eval(e, 0)
	return x.n, ok && s.wants(x, false, e)
}

// step counts one evaluation against maxSteps, which bounds the work that any set of files can ask
// for.
func (p *parser) step(rng hcl.Range) bool {
	p.steps--
	if p.steps == -1 {
		p.fail(ruleSteps, rng, maxSteps)
		p.spent = true
	}
	return p.steps >= 0
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
