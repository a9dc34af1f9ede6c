package portable

import (
	"github.com/dave/jennifer/jen"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// encodeRow generates the loop over the blocks of a row.
func encodeRow(f *jen.File, t *spec.Type, name string) {
	f.Commentf("%s packs blocks of %d values into %d bytes.", name, t.Block, t.Bytes)
	f.Func().Id(name).Params(jen.Id("dst").Index().Byte(), jen.Id("src").Index().Float32()).Block(
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
	f.Func().Id(name).Params(jen.Id("dst").Index().Float32(), jen.Id("src").Index().Byte()).Block(
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

// rowKernels generates the kernels that decode a row at a time and leave the arithmetic to the loops in kernels/cpu/rows.go.
func rowKernels(f *jen.File, t *spec.Type, names target.Kernels) {
	format := "format" + target.Ident(t.Name)
	f.Var().Id(format).Op("=").Id("format").Values(jen.Dict{
		jen.Id("block"):  jen.Lit(t.Block),
		jen.Id("bytes"):  jen.Lit(t.Bytes),
		jen.Id("decode"): jen.Id(names.Decode),
	})
	f.Line()
	floats := func(name string) jen.Code { return jen.Id(name).Index().Float32() }
	ints := func(names ...jen.Code) jen.Code { return jen.List(names...).Int() }
	ws := jen.Id("ws").Op("*").Id("Workspace")
	kernel := func(name, method, field string, params []jen.Code, args ...string) {
		if name == "" {
			return
		}
		var call []jen.Code
		for _, a := range args {
			call = append(call, jen.Id(a))
		}
		f.Commentf("%s is Impl.%s on rows of %s, a decoded piece at a time.", name, field, t.Name)
		f.Func().Id(name).Params(params...).Block(jen.Id(format).Dot(method).Call(call...))
		f.Line()
	}
	n, m, rows, stride := jen.Id("n"), jen.Id("m"), jen.Id("rows"), jen.Id("stride")
	kernel(names.Matmul, "matmul", "Matmul", []jen.Code{
		floats("y"), jen.Id("ldy").Int(), floats("x"), ints(jen.Id("ldx"), m),
		jen.Id("w").Index().Byte(), ints(stride, rows, n), ws,
	}, "y", "ldy", "x", "ldx", "m", "w", "stride", "rows", "n", "ws")
	kernel(names.MatmulQ8, "matmulQ8", "MatmulQ8", []jen.Code{
		floats("y"), jen.Id("ldy").Int(), jen.Id("x").Op("*").Id("Act"), m.Clone().Int(),
		jen.Id("w").Index().Byte(), ints(stride, rows, n), ws,
	}, "y", "ldy", "x", "m", "w", "stride", "rows", "n", "ws")
	kernel(names.Mix, "mix", "Mix", []jen.Code{
		floats("o"), jen.Id("ldo").Int(), floats("p"), ints(jen.Id("ldp"), m),
		jen.Id("v").Index().Byte(), ints(stride, rows, n), ws,
	}, "o", "ldo", "p", "ldp", "m", "v", "stride", "rows", "n", "ws")
}
