package spec

import (
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// book returns the type's codebook, or reports that it has none.
func (s *scope) book(rng hcl.Range) *Codebook {
	if s.typ == nil || s.typ.Codebook == nil {
		s.fail(ruleNoCodebook, rng)
		return nil
	}
	s.used["codebook"] = true
	return s.typ.Codebook
}

// codebookStep resolves codebook.scale and codebook[3], which HCL reads as traversals.
func (s *scope) codebookStep(e *hclsyntax.ScopeTraversalExpr) Expr {
	book := s.book(e.SrcRange)
	if book == nil {
		return nil
	}
	switch step := e.Traversal[1].(type) {
	case hcl.TraverseAttr:
		if step.Name == "scale" {
			return &Num{Node: s.node(Float, Const, s.whole(), e.SrcRange), F: book.Scale}
		}
	case hcl.TraverseIndex:
		// The key is a literal; its text is what lies between the brackets.
		r := step.SrcRange
		text := string(r.SliceBytes(s.src[r.Filename]))
		if n, err := strconv.Atoi(text[1 : len(text)-1]); err == nil && n < len(book.Levels) {
			return &Num{Node: s.node(Float, Const, s.whole(), e.SrcRange), F: book.Levels[n]}
		}
	}
	s.fail(ruleCodebookStep, e.SrcRange, len(book.Levels)-1)
	return nil
}

// nearest resolves nearest(codebook, v) and nearest(codebook, v, thresholds); both mean the same,
// since the thresholds are the codebook's.
func (s *scope) nearest(e *hclsyntax.FunctionCallExpr, depth int) Expr {
	ok := len(e.Args) == 2 || len(e.Args) == 3
	if ok {
		name, isName := rootName(e.Args[0])
		ok = isName && name == "codebook"
	}
	if ok && len(e.Args) == 3 {
		name, isName := rootName(e.Args[2])
		ok = isName && name == "thresholds"
	}
	if !ok {
		s.fail(ruleNearest, e.Range())
		return nil
	}
	book := s.book(e.NameRange)
	x := s.number(e.Args[1], depth)
	if book == nil || x == nil {
		return nil
	}
	if book.Thresholds == nil {
		s.fail(ruleCodebookOrder, e.NameRange)
		return nil
	}
	x = toFloat(x)
	return &Call{Node: join(Int, e.Range(), x), Fn: "nearest", Args: []Expr{x}, Book: book}
}
