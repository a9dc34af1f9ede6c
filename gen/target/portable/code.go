package portable

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target/internal/bits"
)

// maxStretches is how many loops one code may take before a table of places is easier to read.
const maxStretches = 4

// loop runs body for the entries of st under the name index.
func loop(st bits.Stretch, index string, body ...jen.Code) jen.Code {
	if st.Lo == 0 {
		return jen.For(jen.Id(index).Op(":=").Range().Lit(st.Hi)).Block(body...)
	}
	return jen.For(jen.Id(index).Op(":=").Lit(st.Lo), jen.Id(index).Op("<").Lit(st.Hi), jen.Id(index).Op("++")).Block(body...)
}

// location says where a part lies: a byte and a shift. A part that may cross a byte, or that has no
// arithmetic, has a bit instead.
type location struct {
	at    *jen.Statement // byte
	shift *jen.Statement // bits below it in the byte, nil for none
	mask  bool           // there are bits above it in the byte
	bit   *jen.Statement // instead of the three above
}

func (s *scope) place(p bits.Part, index string, lo int) location {
	var bytes, shifts []int
	crosses, mask := false, false
	for _, b := range p.Bit {
		bytes, shifts = append(bytes, b/8), append(shifts, b%8)
		crosses = crosses || b%8+p.Width > 8
		mask = mask || b%8+p.Width < 8
	}
	at, okByte := fit(bytes)
	shift, okShift := fit(shifts)
	if !crosses && okByte && okShift {
		pl := location{at: at.code(index, lo), mask: mask}
		if !shift.Constant() || shift.Base != 0 {
			pl.shift = jen.Parens(shift.code(index, lo))
			if shift.Constant() {
				pl.shift = shift.code(index, lo)
			}
		}
		return pl
	}
	if bit, ok := fit(p.Bit); ok {
		return location{bit: bit.code(index, lo)}
	}
	at2 := jen.Id(index)
	if lo != 0 {
		at2 = jen.Id(index).Op("-").Lit(lo)
	}
	return location{bit: jen.Int().Call(jen.Id(s.tables.ints("bit", "uint16", p.Bit)).Index(at2))}
}

// read is the integer that parts make for entry index.
func (s *scope) read(c *spec.Code, st bits.Stretch, index string) *jen.Statement {
	var sum *jen.Statement
	for _, p := range st.Parts {
		pl := s.place(p, index, st.Lo)
		var v *jen.Statement
		switch {
		case pl.bit != nil && c.Signed:
			v = jen.Id("signed").Call(jen.Id("bits").Call(jen.Id("b").Index(jen.Op(":")), pl.bit, jen.Lit(p.Width)), jen.Lit(c.Bits))
		case pl.bit != nil:
			v = jen.Id("bits").Call(jen.Id("b").Index(jen.Op(":")), pl.bit, jen.Lit(p.Width))
		case c.Signed && p.Width == 8 && c.Bits == 8:
			v = jen.Int32().Call(jen.Int8().Call(jen.Id("b").Index(pl.at)))
		default:
			v = jen.Id("b").Index(pl.at)
			if pl.shift != nil {
				v.Op(">>").Add(pl.shift)
			}
			if pl.mask {
				v.Op("&").Lit(1<<p.Width - 1)
			}
			v = jen.Int32().Call(v)
			if c.Signed {
				v = jen.Id("signed").Call(v, jen.Lit(c.Bits))
			}
		}
		if p.Shift > 0 {
			v.Op("<<").Lit(p.Shift)
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
func (s *scope) write(st bits.Stretch, index string, value jen.Code) []jen.Code {
	var code []jen.Code
	for _, p := range st.Parts {
		pl := s.place(p, index, st.Lo)
		v := jen.Add(value)
		if p.Shift > 0 {
			v.Op(">>").Lit(p.Shift)
		}
		switch {
		case pl.bit != nil:
			code = append(code, jen.Id("orBits").Call(jen.Id("b").Index(jen.Op(":")), pl.bit, jen.Lit(p.Width), v))
			continue
		case p.Width < 8:
			v = jen.Byte().Call(v.Op("&").Lit(1<<p.Width - 1))
		default:
			v = jen.Byte().Call(v)
		}
		if pl.shift != nil {
			v.Op("<<").Add(pl.shift)
		}
		op := "|="
		if p.Width == 8 {
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
