package ctext

import (
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target/internal/bits"
)

// keep writes how a block is made again of what rows in device memory keep of it: scale, addend
// and codes. Where that is not possible, a program that asks for it does not compile and says why.
// Fields that value does not read become 0.
func (s *typeText) keep(p *lower.Product) {
	s.line("")
	if why := s.loses(p); why != "" {
		s.line("%s bool kept = false; // rows do not keep all of a block: %s", s.Constant, why)
		for _, f := range []string{"put_parts(%s, float, float)", "put_code(%s, int, int)"} {
			head, size := s.nobody()
			s.open("%s void "+f, head, s.Words)
			s.line("static_assert(%s == 0, \"%s: rows on a GPU do not keep all of a block: %s\");", size, s.t.Name, why)
			s.end("}")
		}
		return
	}
	s.line("// A block again, into zeroed words, from what rows keep of it; fields that no value is made of stay 0.")
	s.line("%s bool kept = true;", s.Constant)
	s.open("%s void put_parts(%s b, float scale, float least)", s.Function, s.Words)
	for _, part := range []struct {
		name string
		e    spec.Expr
	}{{"scale", p.Scale}, {"least", p.Min}} {
		if fd := plain(part.e); fd != nil {
			s.line("put_bits<%d>(b, %d, to_%s(%s));", 8*fd.Bytes, 8*fd.Offset, kinds[fd.Kind], part.name)
		}
	}
	s.end("}")
	s.open("%s void put_code(%s b, int i, int code)", s.Function, s.Words)
	f := s.function()
	all := bits.Stretches(bits.Entries(p.Code))
	for n, r := range all {
		if n < len(all)-1 {
			f.open("if (i < %d)", r.Hi*p.Code.Group)
		}
		f.put("put_bit", r, p.Code.Group, "code")
		if n < len(all)-1 {
			f.line("return;")
			f.end("}")
		}
	}
	s.end("}")
}

// plain is the field that e is, nil where it is more than a field, or nothing.
func plain(e spec.Expr) *spec.Field {
	if ref, ok := e.(*spec.Ref); ok {
		return ref.Field
	}
	return nil
}

// loses says what of a block is not in its scale, addend and codes, "" for nothing.
func (s *typeText) loses(p *lower.Product) string {
	if len(s.t.Codes) != 1 || p.Made != nil {
		return "it has several codes for a value"
	}
	if p.Scale != nil && plain(p.Scale) == nil {
		return "its scale is computed"
	}
	if p.Min != nil && plain(p.Min) == nil {
		return "its addend is computed"
	}
	if p.Code.Bits > 6 { // the level is kept in place of the code
		seen := map[float32]bool{}
		for _, l := range p.Levels {
			if seen[l] {
				return "two codes have one level"
			}
			seen[l] = true
		}
	}
	return ""
}
