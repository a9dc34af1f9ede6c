package portable

import (
	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// encodeRow generates the loop over the blocks of a row.
func encodeRow(f *jen.File, t *spec.Type, name string) {
	f.Commentf("%s packs blocks of %d values into %d bytes.", name, t.Block, t.Bytes)
	params, _ := target.Params("Encode", true)
	f.Func().Id(name).Params(params...).Block(
		jen.For(
			jen.Empty(),
			jen.Len(jen.Id("src")).Op(">=").Lit(t.Block),
			jen.List(jen.Id("dst"), jen.Id("src")).Op("=").List(
				jen.Id("dst").Index(jen.Lit(t.Bytes).Op(":")), jen.Id("src").Index(jen.Lit(t.Block).Op(":"))),
		).Block(
			jen.Id("encodeBlock"+target.Ident(t.Name)).Call(
				jen.Parens(jen.Op("*").Index(jen.Lit(t.Bytes)).Byte()).Parens(jen.Id("dst")),
				jen.Parens(jen.Op("*").Index(jen.Lit(t.Block)).Float32()).Parens(jen.Id("src"))),
		),
	)
	f.Line()
}

// decodeRow generates the loop over the blocks of a row.
func decodeRow(f *jen.File, t *spec.Type, name string) {
	f.Commentf("%s unpacks blocks of %d bytes into %d values.", name, t.Bytes, t.Block)
	params, _ := target.Params("Decode", true)
	f.Func().Id(name).Params(params...).Block(
		jen.For(
			jen.Empty(),
			jen.Len(jen.Id("dst")).Op(">=").Lit(t.Block),
			jen.List(jen.Id("dst"), jen.Id("src")).Op("=").List(
				jen.Id("dst").Index(jen.Lit(t.Block).Op(":")), jen.Id("src").Index(jen.Lit(t.Bytes).Op(":"))),
		).Block(
			jen.Id("decodeBlock"+target.Ident(t.Name)).Call(
				jen.Parens(jen.Op("*").Index(jen.Lit(t.Block)).Float32()).Parens(jen.Id("dst")),
				jen.Parens(jen.Op("*").Index(jen.Lit(t.Bytes)).Byte()).Parens(jen.Id("src"))),
		),
	)
	f.Line()
}

// rowKernels generates the kernels that decode a row at a time and leave the arithmetic to the
// loops in kernels/cpu/rows.go.
func rowKernels(f *jen.File, t *spec.Type, names target.Kernels) {
	format := "format" + target.Ident(t.Name)
	f.Var().Id(format).Op("=").Id("format").Values(jen.Dict{
		jen.Id("block"):  jen.Lit(t.Block),
		jen.Id("bytes"):  jen.Lit(t.Bytes),
		jen.Id("decode"): jen.Id(names.Funcs["Decode"]),
	})
	f.Line()
	for _, k := range []struct{ kind, method string }{{"Matmul", "matmul"}, {"MatmulQ8", "matmulQ8"}, {"Mix", "mix"}} {
		name := names.Funcs[k.kind]
		if name == "" {
			continue
		}
		params, args := target.Params(k.kind, true)
		var call []jen.Code
		for _, a := range args {
			call = append(call, jen.Id(a))
		}
		f.Commentf("%s is Impl.%s on rows of %s, a decoded piece at a time.", name, k.kind, t.Name)
		f.Func().Id(name).Params(params...).Block(jen.Id(format).Dot(k.method).Call(call...))
		f.Line()
	}
}
