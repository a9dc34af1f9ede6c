package spec

import (
	"math"
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

// lookup resolves codebook[code].
func (s *scope) lookup(e *hclsyntax.IndexExpr, depth int) Expr {
	if name, ok := rootName(e.Collection); !ok || name != "codebook" {
		s.fail(ruleExpression, e.SrcRange)
		return nil
	}
	book := s.book(e.SrcRange)
	x := s.number(e.Key, depth)
	if book == nil || x == nil {
		return nil
	}
	if kindOf(x) != Int {
		s.fail(ruleKind, e.Key.Range(), "an integer", kindName(Float))
		return nil
	}
	if lo, hi := s.interval(x, book); lo < 0 || hi >= len(book.Levels) {
		s.fail(ruleLookup, e.Key.Range(), rangeText(lo, hi), len(book.Levels)-1)
		return nil
	}
	return &Lookup{join(Float, e.SrcRange, x), book, x}
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

// nearest resolves nearest(codebook, v) and nearest(codebook, v, thresholds); both mean the same, since the thresholds
// are the codebook's.
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

// interval bounds the value of an integer expression, so that a lookup is proven to stay inside its codebook.
func (s *scope) interval(x Expr, book *Codebook) (lo, hi int) {
	const unknown = math.MaxInt32
	switch x := x.(type) {
	case *Num:
		return x.I, x.I
	case *PerIndex:
		lo, hi = x.I[0], x.I[0]
		for _, v := range x.I {
			lo, hi = min(lo, v), max(hi, v)
		}
		return lo, hi
	case *Ref:
		if v := s.vars[x.Name]; v != nil && v.value != nil {
			return s.interval(v.value, book)
		}
		if c := x.Code; c != nil && !c.Signed {
			return 0, 1<<c.Bits - 1
		}
	case *Cond:
		lo, hi = s.interval(x.Then, book)
		lo2, hi2 := s.interval(x.Else, book)
		return min(lo, lo2), max(hi, hi2)
	case *Call:
		switch {
		case x.Fn == "nearest":
			return 0, len(x.Book.Levels) - 1
		case x.Fn == "clamp": // as defined: the upper bound is applied last
			vlo, vhi := s.interval(x.Args[0], book)
			llo, lhi := s.interval(x.Args[1], book)
			hlo, hhi := s.interval(x.Args[2], book)
			return min(max(vlo, llo), hlo), min(max(vhi, lhi), hhi)
		case x.Fn == "min" && len(x.Args) == 2:
			alo, ahi := s.interval(x.Args[0], book)
			blo, bhi := s.interval(x.Args[1], book)
			return min(alo, blo), min(ahi, bhi)
		case x.Fn == "max" && len(x.Args) == 2:
			alo, ahi := s.interval(x.Args[0], book)
			blo, bhi := s.interval(x.Args[1], book)
			return max(alo, blo), max(ahi, bhi)
		}
	}
	return -unknown, unknown
}
