package simd

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/target"
	"github.com/kvgen/kvgen/kernels/abi"
)

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
