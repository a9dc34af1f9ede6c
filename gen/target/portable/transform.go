package portable

import (
	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// transformFile generates both directions of one transform: the diagonals as tables around the
// shared loop over the stages.
func transformFile(t *spec.Transform) (*jen.File, target.Transform) {
	id := target.Ident(t.Name)
	names := target.Transform{Transform: t.Name, Forward: "forward" + id + "Generic", Inverse: "inverse" + id + "Generic"}
	f := newFile(t.File)
	left, right := jen.Nil(), jen.Nil()
	if t.Left != nil {
		left = jen.Id("left" + id).Index(jen.Op(":"))
	}
	if t.Right != nil {
		right = jen.Id("right" + id).Index(jen.Op(":"))
	}
	kernel := func(name, doc string, before, after jen.Code) {
		f.Commentf("%s is %s on every %d values.", name, doc, t.Size)
		f.Func().Id(name).Params(jen.Id("x").Index().Float32()).Block(
			jen.For(jen.Empty(), jen.Len(jen.Id("x")).Op(">=").Lit(t.Size),
				jen.Id("x").Op("=").Id("x").Index(jen.Lit(t.Size).Op(":"))).Block(
				jen.Id("wht").Call(jen.Id("x").Index(jen.Op(":").Lit(t.Size)), number(t.Norm), before, after),
			),
		)
		f.Line()
	}
	kernel(names.Forward, "y = right * H/sqrt(n) * left * x", left, right)
	kernel(names.Inverse, "x = left * H/sqrt(n) * right * y", right, left)
	signs(f, "left"+id, t.Left)
	signs(f, "right"+id, t.Right)
	return f, names
}

// signs declares a diagonal, if there is one.
func signs(f *jen.File, name string, s []float32) {
	if s != nil {
		f.Var().Id(name).Op("=").Index(jen.Lit(len(s))).Float32().Add(floats(s, 16))
		f.Line()
	}
}

// floats is a list of values, perLine to a line.
func floats(s []float32, perLine int) *jen.Statement {
	return list(len(s), perLine, func(k int) jen.Code { return number(s[k]) })
}

// list is a composite literal of n values, perLine to a line.
func list(n, perLine int, value func(k int) jen.Code) *jen.Statement {
	var lines []jen.Code
	for k := 0; k < n; k += perLine {
		var line []jen.Code
		for j := k; j < min(k+perLine, n); j++ {
			line = append(line, value(j))
		}
		lines = append(lines, jen.List(line...))
	}
	return jen.Custom(jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}, lines...)
}
