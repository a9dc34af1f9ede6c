package simd

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
	"github.com/kvgen/kvgen/kernels/abi"
)

// transformFile generates both directions of one transform.
func transformFile(m *Machine, t *spec.Transform, files map[string][]byte) (names target.Transform, why string, err error) {
	isa, f := m.base(), newFile(m, t.File, t.Name)
	names.Transform = t.Name
	for _, inverse := range []bool{false, true} { // both, or none
		if c := f.compile(isa, runs(inverse)+f.id, transform(t, inverse)); c.why != "" {
			return names, c.why, nil
		}
	}
	for _, d := range []struct {
		name    string
		inverse bool
		to      *string
	}{{"forward", false, &names.Forward}, {"inverse", true, &names.Inverse}} {
		fn := f.function(isa, runs(d.inverse)+f.id, transform(t, d.inverse))
		*d.to = d.name + f.id + isa.Suffix
		f.stubs.add(isa, jen.Func().Id(*d.to).Params(jen.Id("x").Index().Float32()).Block(
			jen.Id("driveTransform").Call(jen.Id(fn.Name), jen.Lit(t.Size), jen.Id("x"))))
	}
	return names, "", f.finish(files, t.File, target.TransformFile(t.Name))
}

func runs(inverse bool) string {
	if inverse {
		return "inverseRuns"
	}
	return "forwardRuns"
}

func transform(t *spec.Transform, inverse bool) build {
	return func(c lower.Caps, name string) *ir.Func { return lower.Transform(t, c, inverse, name) }
}

// quantiseFile generates the rounding of activations and returns the name of its function.
func quantiseFile(m *Machine, files map[string][]byte) (name, why string, err error) {
	isa, f := m.base(), newFile(m, "", "quantise")
	name = "quantiseAct" + isa.Suffix
	var cases []jen.Code
	for _, group := range abi.ActGroups {
		fn := f.function(isa, fmt.Sprint("quantiseAct", group), func(c lower.Caps, name string) *ir.Func { return lower.QuantiseAct(c, group, name) })
		if fn == nil {
			return "", f.why, nil
		}
		cases = append(cases, jen.Case(jen.Lit(group)).Block(jen.Id("driveQuantiseAct").Call(jen.Id(fn.Name), jen.Id("a"), jen.Id("x"), jen.Id("ldx"), jen.Id("m"))))
	}
	cases = append(cases, jen.Default().Block(jen.Id("QuantiseActGeneric").Call(jen.Id("a"), jen.Id("x"), jen.Id("ldx"), jen.Id("m"))))
	f.stubs.add(isa, jen.Func().Id(name).Params(jen.Id("a").Op("*").Id("Act"), jen.Id("x").Index().Float32(), jen.List(jen.Id("ldx"), jen.Id("m")).Int()).Block(
		jen.Switch(jen.Id("a").Dot("Group")).Block(cases...)))
	return name, "", f.finish(files, "", target.SharedFile("quantise"))
}
