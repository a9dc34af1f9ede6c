package portable

import (
	"fmt"
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
)

// A stretch is a range of consecutive entries of a code whose bits are cut in the same way.
type stretch struct {
	lo, hi int // entries lo <= k < hi
	parts  []stretchPart
}

// stretchPart is one part over a stretch.
type stretchPart struct {
	bit          []int // [hi-lo] from the start of the block
	width, shift int
}

// maxStretches is how many loops one code may take before a table of places is easier to read.
const maxStretches = 4

// entries are the distinct entries of a code: one per run of Group values.
func entries(c *spec.Code) [][]spec.Part {
	var all [][]spec.Part
	for i := 0; i < len(c.Parts); i += c.Group {
		all = append(all, c.Parts[i])
	}
	return all
}

// written leaves, of parts that several entries name, those of the last: that is the one that stays when all are stored.
func written(all [][]spec.Part) [][]spec.Part {
	seen := map[spec.Part]bool{}
	kept := make([][]spec.Part, len(all))
	for k := len(all) - 1; k >= 0; k-- {
		for _, p := range all[k] {
			if !seen[p] {
				seen[p] = true
				kept[k] = append(kept[k], p)
			}
		}
	}
	return kept
}

// stretches cuts the entries where the widths or shifts of their parts change.
func stretches(all [][]spec.Part) []stretch {
	same := func(a, b []spec.Part) bool {
		return slices.EqualFunc(a, b, func(p, q spec.Part) bool { return p.Width == q.Width && p.Shift == q.Shift })
	}
	var cut []stretch
	for k, parts := range all {
		if k == 0 || !same(parts, all[k-1]) {
			s := stretch{lo: k}
			for _, p := range parts {
				s.parts = append(s.parts, stretchPart{width: p.Width, shift: p.Shift})
			}
			cut = append(cut, s)
		}
		s := &cut[len(cut)-1]
		s.hi = k + 1
		for j, p := range parts {
			s.parts[j].bit = append(s.parts[j].bit, p.Bit)
		}
	}
	return slices.DeleteFunc(cut, func(s stretch) bool { return len(s.parts) == 0 })
}

// loop runs body for the entries of st under the name index.
func (st stretch) loop(index string, body ...jen.Code) jen.Code {
	if st.lo == 0 {
		return jen.For(jen.Id(index).Op(":=").Range().Lit(st.hi)).Block(body...)
	}
	return jen.For(jen.Id(index).Op(":=").Lit(st.lo), jen.Id(index).Op("<").Lit(st.hi), jen.Id(index).Op("++")).Block(body...)
}

// place says where a part lies: a byte and a shift, or, for one that may cross a byte or has no arithmetic, a bit.
type place struct {
	at    *jen.Statement // byte
	shift *jen.Statement // bits below it in the byte, nil for none
	mask  bool           // there are bits above it in the byte
	bit   *jen.Statement // instead of the three above
}

func (s *scope) place(p stretchPart, index string, lo int) place {
	var bytes, shifts []int
	crosses, mask := false, false
	for _, b := range p.bit {
		bytes, shifts = append(bytes, b/8), append(shifts, b%8)
		crosses = crosses || b%8+p.width > 8
		mask = mask || b%8+p.width < 8
	}
	at, okByte := fit(bytes)
	shift, okShift := fit(shifts)
	if !crosses && okByte && okShift {
		pl := place{at: at.code(index, lo), mask: mask}
		if !shift.Constant() || shift.Base != 0 {
			pl.shift = jen.Parens(shift.code(index, lo))
			if shift.Constant() {
				pl.shift = shift.code(index, lo)
			}
		}
		return pl
	}
	if bit, ok := fit(p.bit); ok {
		return place{bit: bit.code(index, lo)}
	}
	at2 := jen.Id(index)
	if lo != 0 {
		at2 = jen.Id(index).Op("-").Lit(lo)
	}
	return place{bit: jen.Int().Call(jen.Id(s.tables.ints("bit", "uint16", p.bit)).Index(at2))}
}

// read is the integer that parts make for entry index.
func (s *scope) read(c *spec.Code, st stretch, index string) *jen.Statement {
	var sum *jen.Statement
	for _, p := range st.parts {
		pl := s.place(p, index, st.lo)
		var v *jen.Statement
		switch {
		case pl.bit != nil && c.Signed:
			v = jen.Id("signed").Call(jen.Id("bits").Call(jen.Id("b").Index(jen.Op(":")), pl.bit, jen.Lit(p.width)), jen.Lit(c.Bits))
		case pl.bit != nil:
			v = jen.Id("bits").Call(jen.Id("b").Index(jen.Op(":")), pl.bit, jen.Lit(p.width))
		case c.Signed && p.width == 8 && c.Bits == 8:
			v = jen.Int32().Call(jen.Int8().Call(jen.Id("b").Index(pl.at)))
		default:
			v = jen.Id("b").Index(pl.at)
			if pl.shift != nil {
				v.Op(">>").Add(pl.shift)
			}
			if pl.mask {
				v.Op("&").Lit(1<<p.width - 1)
			}
			v = jen.Int32().Call(v)
			if c.Signed {
				v = jen.Id("signed").Call(v, jen.Lit(c.Bits))
			}
		}
		if p.shift > 0 {
			v.Op("<<").Lit(p.shift)
		}
		if sum == nil {
			sum = v
		} else {
			sum.Op("|").Add(v)
		}
	}
	return sum
}

// write stores value, entry index of a code, into the zeroed bits of its parts.
func (s *scope) write(st stretch, index string, value jen.Code) []jen.Code {
	var code []jen.Code
	for _, p := range st.parts {
		pl := s.place(p, index, st.lo)
		v := jen.Add(value)
		if p.shift > 0 {
			v.Op(">>").Lit(p.shift)
		}
		switch {
		case pl.bit != nil:
			code = append(code, jen.Id("orBits").Call(jen.Id("b").Index(jen.Op(":")), pl.bit, jen.Lit(p.width), v))
			continue
		case p.width < 8:
			v = jen.Byte().Call(v.Op("&").Lit(1<<p.width - 1))
		default:
			v = jen.Byte().Call(v)
		}
		if pl.shift != nil {
			v.Op("<<").Add(pl.shift)
		}
		op := "|="
		if p.width == 8 {
			op = "="
		}
		code = append(code, jen.Id("b").Index(pl.at).Op(op).Add(v))
	}
	return code
}

// places declares the table of a code that is cut in too many ways for loops.
func (s *scope) places(c *spec.Code, all [][]spec.Part) string {
	return s.tables.table(c.Name+"Places", fmt.Sprint(all), func(name string) jen.Code {
		return jen.Var().Id(name).Op("=").Index(jen.Lit(len(all))).Index().Id("place").Add(list(len(all), 8, func(k int) jen.Code {
			return jen.ValuesFunc(func(g *jen.Group) {
				for _, p := range all[k] {
					g.Values(jen.Lit(p.Bit), jen.Lit(p.Width), jen.Lit(p.Shift))
				}
			})
		}))
	})
}
