package spec

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// value reads how a stored block is turned back into floats.
func (s *scope) value(e hclsyntax.Expression) {
	x := s.number(e, 0)
	if x == nil {
		return
	}
	s.typ.Value = toFloat(x)
	s.read, s.used = s.used, map[string]bool{} // encode is counted apart
	ref, plain := s.typ.Value.(*Ref)
	s.typ.Quantised = !plain || ref.Field == nil || s.block > 1
}

// encodeBlock finds the encode block of a type; nil if the type is read-only.
func (s *scope) encodeBlock(d decl) *hclsyntax.Body {
	var found *hclsyntax.Body
	for _, b := range d.body.Blocks {
		switch {
		case b.Type == "over" && d.kind == "family":
		case b.Type != "encode" || len(b.Labels) > 0:
			s.fail(ruleBlockName, b.TypeRange, b.Type)
		case found != nil:
			s.fail(ruleEncodeTwice, b.TypeRange)
		default:
			found = b.Body
		}
	}
	return found
}

// encodeBody reads the statements of encode in order. A name means what was assigned to it, before
// it is stored.
func (s *scope) encodeBody(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		s.fail(ruleStatement, b.TypeRange)
	}
	attrs := attributes(body)
	if len(attrs) > maxAttrs {
		s.fail(ruleAttributes, body.SrcRange, len(attrs), maxAttrs)
		return
	}
	s.encode = true
	s.vars["x"] = &variable{node: Node{Kind: Float, Shape: Vector, Same: 1, bounds: anyFloat()}}
	s.typ.Encode = []*Assign{}
	for _, a := range attrs {
		x := s.expr(a.Expr, 0)
		if x != nil {
			x = s.assigned(a, x)
		}
		if x == nil {
			// The name exists all the same: what uses it is not at fault.
			s.poison(a.Name)
			continue
		}
		n := Node{Range: a.NameRange, Same: x.Run(), bounds: x.Bounds()}
		n.Kind, n.Shape = x.Type()
		s.vars[a.Name] = &variable{n, x}
		s.typ.Encode = append(s.typ.Encode, &Assign{a.Name, x, a.SrcRange})
	}
}

// assigned checks that x is what a field, code or local called a.Name can hold.
func (s *scope) assigned(a *hclsyntax.Attribute, x Expr) Expr {
	if f := s.fields[a.Name]; f != nil {
		switch {
		case f.Kind == U8:
			s.fail(ruleAssignBytes, a.NameRange, f.Name)
			return nil
		case kindOf(x) == Bool:
			s.fail(ruleKind, a.Expr.Range(), "a number", kindName(Bool))
			return nil
		case x.Run()%s.block != 0:
			s.fail(ruleAssignRun, a.Expr.Range(), a.Name, s.block, x.Run())
			return nil
		}
		return toFloat(x)
	}
	if c := s.codes[a.Name]; c != nil {
		if kindOf(x) != Int {
			s.fail(ruleKind, a.Expr.Range(), "an integer", kindName(kindOf(x)))
			return nil
		}
		if x.Run()%c.Group != 0 {
			s.fail(ruleAssignRun, a.Expr.Range(), a.Name, c.Group, x.Run())
			return nil
		}
		return x
	}
	if !s.freshName(a.Name, a.NameRange, "a local of encode") {
		return nil
	}
	return x
}

// poison gives name a value after an error in its statement. Any kind does: Parse fails anyway.
func (s *scope) poison(name string) {
	if s.vars[name] == nil {
		kind, bounds := Float, anyFloat()
		if s.codes[name] != nil {
			kind, bounds = Int, Bounds{}
		}
		s.vars[name] = &variable{node: Node{Kind: kind, Shape: Vector, Same: 1, bounds: bounds}}
	}
	s.used[name] = true
}
