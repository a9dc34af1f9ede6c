package amd64

import (
	"github.com/dave/jennifer/jen"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
)

// encode generates the encoder of the type and the function that drives it; "" when the
// type has none or its statements have no vector form.
func (f *file) encode(isa ISA) string {
	name := "encode" + f.id + isa.Suffix
	kernel := "encodeGroups" + f.id + isa.Suffix
	scratch := 0
	fn := f.function(isa, func() (fn *ir.Func) {
		fn, scratch = lower.Encode(f.t, lower.Caps{Lanes: isa.Lanes}, kernel)
		return fn
	})
	if fn == nil {
		return ""
	}
	f.stubs.f.Func().Id(name).Params(jen.Id("dst").Index().Byte(), jen.Id("src").Index().Float32()).Block(
		jen.Id("driveEncode").Call(jen.Id(kernel), jen.Lit(isa.Lanes), jen.Lit(f.t.Block), jen.Lit(f.t.Bytes), jen.Lit(scratch), jen.Id("dst"), jen.Id("src")))
	f.stubs.f.Line()
	return name
}
