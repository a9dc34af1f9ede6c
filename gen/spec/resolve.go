package spec

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// expr resolves names, checks types and folds constants. It returns nil after
// reporting an error; callers pass nil on, so one mistake is one message.
func (s *scope) expr(e hclsyntax.Expression, depth int) Expr {
	if depth > maxDepth {
		s.fail(ruleDepth, e.Range(), maxDepth)
		return nil
	}
	if s.indexOnly(e, 0) {
		return s.bound(s.perIndex(e))
	}
	return s.bound(s.operation(e, depth))
}

func (s *scope) operation(e hclsyntax.Expression, depth int) Expr {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return s.expr(e.Expression, depth+1)
	case *hclsyntax.LiteralValueExpr:
		return s.literal(e)
	case *hclsyntax.ScopeTraversalExpr:
		return s.traversal(e)
	case *hclsyntax.IndexExpr, *hclsyntax.RelativeTraversalExpr:
		return s.lookup(e, depth)
	case *hclsyntax.UnaryOpExpr:
		return s.unary(e, depth)
	case *hclsyntax.BinaryOpExpr:
		return s.binary(e, depth)
	case *hclsyntax.ConditionalExpr:
		return s.cond(e, depth)
	case *hclsyntax.FunctionCallExpr:
		return s.call(e, depth)
	}
	s.fail(ruleExpression, e.Range())
	return nil
}

// node builds the shared part; size is the block, or 1 where there is none.
func (s *scope) node(k Kind, sh Shape, run int, rng hcl.Range) Node {
	return Node{Kind: k, Shape: sh, Same: run, Range: rng}
}

func (s *scope) whole() int { return max(s.block, 1) }

// perIndex evaluates e for every i. What turns out the same for all i is a constant.
func (s *scope) perIndex(e hclsyntax.Expression) Expr {
	n := s.whole()
	values := make([]int, n)
	var isBool bool
	for i := range values {
		x, ok := s.eval(e, i)
		if !ok {
			return nil
		}
		if i > 0 && x.bool != isBool {
			s.fail(ruleKind, e.Range(), "one kind for every i", "an integer for some and a condition for others")
			return nil
		}
		values[i], isBool = x.n, x.bool
	}
	kind := Int
	if isBool {
		kind = Bool
	}
	run := runOf(n, func(i, j int) bool { return values[i] == values[j] })
	if run == n {
		return &Num{Node: s.node(kind, Const, n, e.Range()), I: values[0]}
	}
	return &PerIndex{s.node(kind, Index, run, e.Range()), values}
}

// runOf is the largest divisor r of n such that all of every aligned run of r are equal.
func runOf(n int, equal func(i, j int) bool) int {
	run := n
	for i := 1; i < n; i++ {
		if !equal(i-1, i) {
			run = gcd(run, i)
		}
	}
	return run
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// literal reads a number that is not an integer. It is rounded once, from the decimal text to f32.
func (s *scope) literal(e *hclsyntax.LiteralValueExpr) Expr {
	f, err := strconv.ParseFloat(s.text(e), 32)
	if err != nil {
		s.fail(ruleNumber, e.SrcRange, s.text(e))
		return nil
	}
	return &Num{Node: s.node(Float, Const, s.whole(), e.SrcRange), F: float32(f)}
}

// traversal resolves a name, codebook.scale, codebook[3] or table[3][2].
func (s *scope) traversal(e *hclsyntax.ScopeTraversalExpr) Expr {
	name := e.Traversal.RootName()
	if len(e.Traversal) == 2 && name == "codebook" {
		return s.codebookStep(e)
	}
	if len(e.Traversal) != 1 && s.tables[name] != nil {
		return s.lookup(e, 0)
	}
	if len(e.Traversal) != 1 {
		s.fail(ruleExpression, e.SrcRange)
		return nil
	}
	return s.name(name, e.SrcRange)
}

// name resolves a name to its value. In encode, a field or code means what was assigned to it.
func (s *scope) name(name string, rng hcl.Range) Expr {
	s.used[name] = true
	field, code := s.fields[name], s.codes[name]
	if v, ok := s.vars[name]; ok {
		n := v.node
		n.Range = rng
		return &Ref{Node: n, Name: name, Field: field, Code: code}
	}
	switch {
	case s.encode && (field != nil || code != nil):
		s.fail(ruleUseBefore, rng, name)
	case field != nil && (field.Kind == U8 || field.Count != 1):
		s.fail(ruleRawField, rng, name, name)
	case field != nil:
		return &Ref{Node: s.node(Float, Scalar, s.whole(), rng), Name: name, Field: field}
	case code != nil:
		shape := Vector
		if code.Group == s.block {
			shape = Scalar
		}
		return &Ref{Node: s.node(Int, shape, code.Group, rng), Name: name, Code: code}
	case s.tables[name] != nil:
		if n := s.tables[name].Dim; n > 0 {
			s.fail(ruleTableBare, rng, name, indexes(name, min(n, 2)))
		}
	default:
		s.fail(ruleUnknown, rng, name, s.known(name))
	}
	return nil
}

// known lists the names that exist, for the message about one that does not.
func (s *scope) known(name string) string {
	if strings.Contains(name, "-") {
		return "nothing with '-' in it; HCL reads a-b as one name: write spaces around a minus"
	}
	names := slices.Concat(sortedNames(s.vars), sortedNames(s.fields), sortedNames(s.codes), sortedNames(s.tables), sortedNames(s.params))
	if s.block > 0 && !s.noIndex {
		names = append(names, "i", "block")
	}
	if s.typ != nil && s.typ.Codebook != nil {
		names = append(names, "codebook")
	}
	if len(names) == 0 {
		return "a number"
	}
	return list(names)
}
