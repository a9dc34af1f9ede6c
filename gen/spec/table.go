package spec

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// This file reads tables: levels besides the codebook, and points, groups of values that one code
// selects together.

// isTable reports whether the value of an attribute is a table: a list, points(...), parity(...) or
// the table of another type.
func (s *scope) isTable(e hclsyntax.Expression) bool {
	switch e := s.choose(e).(type) {
	case *hclsyntax.TupleConsExpr:
		return true
	case *hclsyntax.FunctionCallExpr:
		return e.Name == "points" || e.Name == "parity"
	case *hclsyntax.ScopeTraversalExpr:
		return len(e.Traversal) == 2
	}
	return false
}

// table reads an attribute that is a table.
func (s *scope) table(a *hclsyntax.Attribute) {
	switch {
	case !s.freshName(a.Name, a.NameRange, "a table"):
		return
	case s.fields[a.Name] != nil:
		s.fail(ruleNameTaken, a.NameRange, a.Name, "a field")
		return
	}
	var b *Codebook
	switch e := s.choose(a.Expr).(type) {
	case *hclsyntax.TupleConsExpr:
		b = s.listTable(e)
	case *hclsyntax.FunctionCallExpr:
		if e.Name == "parity" {
			b = s.parityTable(e)
		} else {
			b = s.pointsTable(e)
		}
	case *hclsyntax.ScopeTraversalExpr:
		b = s.otherTable(e)
	}
	if b == nil {
		b = &Codebook{} // of no points: what uses a wrong one is not at fault
	}
	b.Name, b.Scale, b.Range = a.Name, 1, a.Expr.Range()
	b.Int8 = wholeBytes(b.Levels) && !slices.ContainsFunc(b.Levels, negativeZero)
	s.tables[a.Name] = b
	s.typ.Tables = append(s.typ.Tables, b)
}

func negativeZero(v float32) bool { return v == 0 && math.Signbit(float64(v)) }

// listTable reads [levels] or [[values of a point], ...].
func (s *scope) listTable(e *hclsyntax.TupleConsExpr) *Codebook {
	if len(e.Exprs) == 0 {
		s.fail(ruleTable, e.Range(), maxDim)
		return nil
	}
	if _, points := e.Exprs[0].(*hclsyntax.TupleConsExpr); !points {
		levels := s.floats(e)
		if levels == nil {
			return nil
		}
		return &Codebook{Dim: 1, Levels: levels, Source: "literal"}
	}
	b := &Codebook{Source: "literal"}
	for _, x := range e.Exprs {
		point, ok := x.(*hclsyntax.TupleConsExpr)
		if !ok || len(point.Exprs) < 2 || len(point.Exprs) > maxDim || b.Dim > 0 && b.Dim != len(point.Exprs) {
			s.fail(ruleTable, x.Range(), maxDim)
			return nil
		}
		b.Dim = len(point.Exprs)
		values := s.floats(x)
		if values == nil {
			return nil
		}
		b.Levels = append(b.Levels, values...)
	}
	return b
}

// pointsTable reads points(dim, [levels], text): a digit of text for each value of each point
// selects its level. What is no letter or digit separates points for the eye.
func (s *scope) pointsTable(e *hclsyntax.FunctionCallExpr) *Codebook {
	if len(e.Args) != 3 {
		s.fail(ruleArguments, e.Range(), e.Name, "3 (values of a point, [levels], digits)", len(e.Args))
		return nil
	}
	dim, ok := s.constant(e.Args[0])
	if !ok {
		return nil
	}
	if dim < 2 || dim > maxDim {
		s.fail(ruleTable, e.Args[0].Range(), maxDim)
		return nil
	}
	levels := s.floats(e.Args[1])
	text, ok := digits(e.Args[2])
	if levels == nil || !ok || len(levels) > len(digitNames) {
		if levels != nil {
			s.fail(ruleDigits, e.Args[2].Range(), len(levels)-1)
		}
		return nil
	}
	b := &Codebook{Dim: dim, Source: fmt.Sprintf("points of %d levels", len(levels))}
	for _, c := range text {
		if strings.ContainsRune(" \t\n", c) {
			continue
		}
		k := strings.IndexRune(digitNames[:len(levels)], c)
		if k < 0 || len(b.Levels) == maxValues || !s.step(e.Range()) {
			s.fail(ruleDigits, e.Args[2].Range(), len(levels)-1)
			return nil
		}
		b.Levels = append(b.Levels, levels[k])
	}
	if len(b.Levels) == 0 || len(b.Levels)%dim != 0 {
		s.fail(rulePoints, e.Args[2].Range(), len(b.Levels), dim)
		return nil
	}
	return b
}

const digitNames = "0123456789abcdefghijklmnopqrstuvwxyz"

// digits is the text of a string or heredoc without interpolation.
func digits(e hclsyntax.Expression) (string, bool) {
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok {
		return "", false
	}
	var b strings.Builder
	for _, part := range t.Parts {
		l, ok := part.(*hclsyntax.LiteralValueExpr)
		if !ok {
			return "", false
		}
		b.WriteString(l.Val.AsString())
	}
	return b.String(), true
}

// parityTable reads parity(n): 2^(n-1) points of n signs with an even number of -1. Bit j of a
// point's number is set where value j is -1.
func (s *scope) parityTable(e *hclsyntax.FunctionCallExpr) *Codebook {
	if len(e.Args) != 1 {
		s.fail(ruleArguments, e.Range(), e.Name, "1 (values of a point)", len(e.Args))
		return nil
	}
	n, ok := s.constant(e.Args[0])
	if !ok {
		return nil
	}
	if n < 2 || n > maxParity {
		s.fail(ruleParity, e.Args[0].Range(), n, maxParity)
		return nil
	}
	b := &Codebook{Dim: n, Source: fmt.Sprintf("parity(%d)", n)}
	for p := range 1 << (n - 1) {
		whole := p | bits.OnesCount(uint(p))&1<<(n-1)
		for j := range n {
			b.Levels = append(b.Levels, float32(1-2*(whole>>j&1)))
		}
	}
	return b
}

// otherTable reads TYPE.table: the table of a type that stands before.
func (s *scope) otherTable(e *hclsyntax.ScopeTraversalExpr) *Codebook {
	name, table := e.Traversal.RootName(), ""
	if step, ok := e.Traversal[1].(hcl.TraverseAttr); ok {
		table = step.Name
	}
	for _, t := range s.set.Types {
		for _, b := range t.Tables {
			if t.Name == name && b.Name == table {
				same := *b
				return &same
			}
		}
	}
	s.fail(ruleOtherTable, e.SrcRange, name, table)
	return nil
}
