package spec

import (
	"math/bits"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// code evaluates a sum of bits(field, offset, width) terms, each times a power of two, for every i.
func (s *scope) code(name string, e hclsyntax.Expression) *Code {
	c := &Code{Name: name, Parts: make([][]Part, s.block), Range: e.Range()}
	for i := range c.Parts {
		t := codeTerm{scope: s, i: i, factor: 1, widest: maxCode}
		if !t.add(e, 0) || !s.joined(t, e) {
			return nil
		}
		c.Parts[i] = t.parts
		if i > 0 && t.signed != c.Signed {
			s.fail(ruleSigned, e.Range(), name)
			return nil
		}
		c.Signed = t.signed
		for _, p := range t.parts {
			c.Bits = max(c.Bits, p.Shift+p.Width)
		}
	}
	if c.Bits > maxCode {
		s.fail(ruleCodeBits, e.Range(), name, c.Bits, maxCode)
		return nil
	}
	c.Group = runOf(s.block, func(i, j int) bool { return slices.Equal(c.Parts[i], c.Parts[j]) })
	return c
}

// joined checks that the terms of one i make one number: something, without overlap, signed only
// alone.
func (s *scope) joined(t codeTerm, e hclsyntax.Expression) bool {
	if len(t.parts) == 0 {
		s.fail(ruleCodeEmpty, e.Range(), t.i)
		return false
	}
	if t.signed && (len(t.parts) > 1 || t.parts[0].Shift != 0) {
		s.fail(ruleSigned, e.Range(), "the code")
		return false
	}
	var taken uint64
	for _, p := range t.parts {
		mask := (uint64(1)<<p.Width - 1) << p.Shift
		if taken&mask != 0 {
			s.fail(ruleCodeOverlap, e.Range(), bits.TrailingZeros64(taken&mask), t.i)
			return false
		}
		taken |= mask
	}
	return true
}

// codeTerm collects the parts of a code at one i.
type codeTerm struct {
	*scope
	i      int
	factor int // the power of two that applies to the term being read
	widest int // bits that one bits() may read
	parts  []Part
	signed bool
}

// add collects the terms of e.
func (t *codeTerm) add(e hclsyntax.Expression, depth int) bool {
	if depth > maxDepth {
		t.fail(ruleDepth, e.Range(), maxDepth)
		return false
	}
	if !t.step(e.Range()) {
		return false
	}
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return t.add(e.Expression, depth+1)
	case *hclsyntax.FunctionCallExpr:
		if e.Name == "bits" || e.Name == "sbits" {
			return t.bits(e)
		}
	case *hclsyntax.ConditionalExpr:
		if !t.indexOnly(e.Condition, 0) {
			break
		}
		c, ok := t.eval(e.Condition, t.i)
		if !ok || !t.wants(c, true, e.Condition) {
			return false
		}
		if c.n != 0 {
			return t.add(e.TrueResult, depth+1)
		}
		return t.add(e.FalseResult, depth+1)
	case *hclsyntax.BinaryOpExpr:
		switch e.Op {
		case hclsyntax.OpAdd:
			return t.add(e.LHS, depth+1) && t.add(e.RHS, depth+1)
		case hclsyntax.OpMultiply:
			return t.multiple(e, depth)
		}
	case *hclsyntax.LiteralValueExpr:
		if t.text(e) == "0" { // "no bits here", for the other branch of a conditional
			return true
		}
	}
	t.fail(ruleCode, e.Range())
	return false
}

// multiple collects a term times an index expression that is a power of two.
func (t *codeTerm) multiple(e *hclsyntax.BinaryOpExpr, depth int) bool {
	factor, term := e.LHS, e.RHS
	if !t.indexOnly(factor, 0) {
		factor, term = term, factor
	}
	if !t.indexOnly(factor, 0) {
		t.fail(ruleCode, e.SrcRange)
		return false
	}
	f, ok := t.eval(factor, t.i)
	if !ok || !t.wants(f, false, factor) {
		return false
	}
	if f.n < 1 || f.n&(f.n-1) != 0 || f.n*t.factor > 1<<maxCode {
		t.fail(ruleFactor, factor.Range(), f.n, 1<<maxCode)
		return false
	}
	outer := t.factor
	t.factor *= f.n
	ok = t.add(term, depth+1)
	t.factor = outer
	return ok
}

// bits collects one bits(field, offset, width) or sbits(...).
func (t *codeTerm) bits(e *hclsyntax.FunctionCallExpr) bool {
	if len(e.Args) != 3 {
		t.fail(ruleArguments, e.Range(), e.Name, "3 (field, bit offset, width)", len(e.Args))
		return false
	}
	name, _ := rootName(e.Args[0])
	f := t.fields[name]
	if f == nil || f.Kind != U8 {
		t.fail(ruleBitsField, e.Args[0].Range(), list(t.bytesFields()))
		return false
	}
	var at [2]int
	for k, a := range e.Args[1:] {
		if !t.indexOnly(a, 0) {
			t.fail(ruleIndex, a.Range())
			return false
		}
		x, ok := t.eval(a, t.i)
		if !ok || !t.wants(x, false, a) {
			return false
		}
		at[k] = x.n
	}
	offset, width := at[0], at[1]
	if width < 1 || width > t.widest {
		t.fail(ruleWidth, e.Args[2].Range(), width, t.widest)
		return false
	}
	if offset < 0 || offset+width > 8*f.Bytes {
		t.fail(ruleBitsRange, e.Range(), offset, offset+width-1, t.i, f.Name, 8*f.Bytes-1)
		return false
	}
	t.signed = t.signed || e.Name == "sbits"
	t.parts = append(t.parts, Part{f, 8*f.Offset + offset, width, bits.TrailingZeros(uint(t.factor))})
	return true
}

// bytesFields names the fields that bits() may read.
func (s *scope) bytesFields() []string {
	var names []string
	for _, name := range sortedNames(s.fields) {
		if s.fields[name].Kind == U8 {
			names = append(names, name)
		}
	}
	return names
}
