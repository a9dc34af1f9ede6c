package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// Decode is dst[i] = value of src's blocks, for units of blocks, bit for bit the spec.
func Decode(t *spec.Type, c Caps, name string) *ir.Func {
	return eitherWay(func(plain bool) *ir.Func { return decode(t, c, name, plain) })
}

func decode(t *spec.Type, c Caps, name string, plain bool) *ir.Func {
	u := unitOf(t)
	b := ir.Build(name, []ir.Param{
		{Name: "dst", Type: addr, Go: "*float32"},
		{Name: "src", Type: addr, Go: "*byte"},
		{Name: "units", Type: word, Go: "int"},
	}, name+" unpacks units of "+plural(u.values, "value")+".", "",
		fmt.Sprintf("\tfor i := range units * %d {", u.values), "\t\tdst[i] = value(src, i)", "\t}")
	dst, src, units := b.Param(0), b.Param(1), b.Param(2)
	r := readerFor(b, c, t, plain)
	b.Loop(units, 1, func() {
		r.pieces(u, ir.At(src, 0), func(i int, v *ir.Value) { b.Store(v, ir.At(dst, 4*i)) })
		b.AddImm(src, u.bytes)
		b.AddImm(dst, 4*u.values)
	})
	return b.F
}
