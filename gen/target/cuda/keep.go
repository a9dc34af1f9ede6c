package cuda

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
)

// keep writes how a block is made again of what rows in device memory keep of it: scale, addend and codes. Where that is not
// possible, a program that asks for it does not compile and says why. Fields that value does not read become 0.
func (s *typeText) keep(p *lower.Product) {
	s.line("")
	if why := s.loses(p); why != "" {
		s.line("static constexpr bool kept = false; // rows do not keep all of a block: %s", why)
		for _, f := range []string{"put_parts(unsigned*, float, float)", "put_code(unsigned*, int, int)"} {
			s.open("template <class Never = void> static __device__ void %s", f)
			s.line("static_assert(sizeof(Never*) == 0, \"%s: rows on a GPU do not keep all of a block: %s\");", s.t.Name, why)
			s.end("}")
		}
		return
	}
	s.line("// A block again, into zeroed words, from what rows keep of it; fields that no value is made of stay 0.")
	s.line("static constexpr bool kept = true;")
	s.open("static __device__ void put_parts(unsigned* b, float scale, float least)")
	for _, part := range []struct {
		name string
		e    spec.Expr
	}{{"scale", p.Scale}, {"least", p.Min}} {
		if fd := plain(part.e); fd != nil {
			s.line("put_bits<%d>(b, %d, to_%s(%s));", 8*fd.Bytes, 8*fd.Offset, kinds[fd.Kind], part.name)
		}
	}
	s.end("}")
	s.open("static __device__ void put_code(unsigned* b, int i, int code)")
	f := s.function()
	all := stretches(p.Code)
	for n, r := range all {
		if n < len(all)-1 {
			f.open("if (i < %d)", r.hi)
		}
		for k, part := range p.Code.Parts[r.lo] {
			shift := ""
			if part.Shift > 0 {
				shift = fmt.Sprintf(" >> %d", part.Shift)
			}
			f.line("put_bits<%d>(b, %s, code%s);", part.Width, f.perIndex("put_bit", places(p.Code, r, k)), shift)
		}
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
	if len(s.t.Codes) != 1 {
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
