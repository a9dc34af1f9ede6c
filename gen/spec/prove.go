package spec

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// owner is what a bit of a block belongs to: a code at the first i of a run, or an entry of unused
// (code nil).
type owner struct {
	code *Code
	i    int
}

func (o owner) String() string {
	if o.code == nil {
		return "unused"
	}
	return o.code.Name
}

// checkBits proves that every bit of a u8 field has a meaning, and only one where encode writes it.
// A code that encode does not assign is a view: it reads bits that others own.
func (s *scope) checkBits() {
	owners := map[int]owner{}
	claim := func(p Part, o owner) bool {
		for bit := p.Bit; bit < p.Bit+p.Width; bit++ {
			if other, taken := owners[bit]; taken && other != o {
				s.fail(ruleBitsShared, s.place(o), bit-8*p.Field.Offset, p.Field.Name, other, other.i, o, o.i)
				return false
			}
			owners[bit] = o
		}
		return true
	}
	for k, p := range s.typ.Unused {
		if !claim(p, owner{nil, -k}) {
			return
		}
	}
	var views []*Code
	for _, c := range s.typ.Codes {
		if s.vars[c.Name] == nil {
			views = append(views, c)
			continue
		}
		for i, parts := range c.Parts {
			for _, p := range parts {
				if !claim(p, owner{c, i - i%c.Group}) {
					return
				}
			}
		}
	}
	for _, c := range views {
		if !s.view(c, owners) {
			return
		}
	}
	for _, f := range s.typ.Fields {
		if f.Kind != U8 {
			continue
		}
		for bit := range 8 * f.Bytes {
			if _, ok := owners[8*f.Offset+bit]; !ok {
				s.fail(ruleBitsUnnamed, f.Range, bit, f.Name)
				break
			}
		}
	}
}

// view checks that c reads bits of codes that encode assigns, or any but unused ones of a type that
// is only read.
func (s *scope) view(c *Code, owners map[int]owner) bool {
	for i, parts := range c.Parts {
		for _, p := range parts {
			for bit := p.Bit; bit < p.Bit+p.Width; bit++ {
				o, owned := owners[bit]
				switch {
				case !owned && s.typ.Encode != nil:
					s.fail(ruleUnassigned, c.Range, c.Name)
					return false
				case !owned:
					owners[bit] = owner{c, i}
				case o.code == nil:
					s.fail(ruleBitsShared, c.Range, bit-8*p.Field.Offset, p.Field.Name, o, o.i, owner{c, i}, i)
					return false
				}
			}
		}
	}
	return true
}

// place is where to point for a complaint about o.
func (s *scope) place(o owner) hcl.Range {
	if o.code == nil {
		return s.typ.Range
	}
	return o.code.Range
}

// unused reads the bits that a layout leaves free. Encode writes them as zero.
func (s *scope) unused(e hclsyntax.Expression) {
	entries := []hclsyntax.Expression{e}
	if tuple, ok := e.(*hclsyntax.TupleConsExpr); ok {
		entries = tuple.Exprs
	}
	for _, e := range entries {
		call, ok := e.(*hclsyntax.FunctionCallExpr)
		if !ok || call.Name != "bits" || len(entries) > maxFields {
			s.fail(ruleUnusedAttr, e.Range())
			return
		}
		t := codeTerm{scope: s, factor: 1, widest: 8 * maxBytes}
		s.noIndex = true
		ok = t.bits(call)
		s.noIndex = false
		if !ok {
			return
		}
		s.typ.Unused = append(s.typ.Unused, t.parts...)
	}
}
