package amd64

import (
	"fmt"
	"strings"

	"github.com/dave/jennifer/jen"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// base is the instruction set whose transforms, encoders and rounding serve all of this
// architecture: they are bound by shuffles and memory, which wider sets do not speed up
// at the same number of lanes.
func base() ISA { return ISAs[len(ISAs)-1] }

// transformFile generates both directions of one transform.
func transformFile(t *spec.Transform, isa ISA, files map[string][]byte) (target.Transform, error) {
	id := target.Ident(t.Name)
	f := &file{id: id, pool: newPool(strings.ToLower(t.Name)), stubs: newStubs(t.File)}
	names := target.Transform{Transform: t.Name}
	for _, d := range []struct {
		name    string
		inverse bool
		to      *string
	}{{"forward", false, &names.Forward}, {"inverse", true, &names.Inverse}} {
		kernel := d.name + "Runs" + id + isa.Suffix
		fn := f.function(isa, func() *ir.Func {
			return lower.Transform(t, lower.Caps{Lanes: isa.Lanes}, d.inverse, kernel)
		})
		if fn == nil {
			panic(fmt.Sprintf("amd64: %s does not fit the registers", kernel))
		}
		*d.to = d.name + id + isa.Suffix
		f.stubs.f.Func().Id(*d.to).Params(jen.Id("x").Index().Float32()).Block(
			jen.Id("driveTransform").Call(jen.Id(kernel), jen.Lit(t.Size), jen.Id("x")))
		f.stubs.f.Line()
	}
	return names, f.finish(files, t.File, target.TransformFile(t.Name))
}

// actGroups are the lengths of groups that MatmulQ8 asks for.
var actGroups = []int{32, 64, 128}

// quantiseFile generates the rounding of activations and returns the name of its function.
func quantiseFile(isa ISA, files map[string][]byte) (string, error) {
	f := &file{pool: newPool("quantise"), stubs: newStubs("")}
	name := "quantiseAct" + isa.Suffix
	var cases []jen.Code
	for _, group := range actGroups {
		kernel := fmt.Sprintf("quantiseAct%d%s", group, isa.Suffix)
		fn := f.function(isa, func() *ir.Func { return lower.QuantiseAct(lower.Caps{Lanes: isa.Lanes}, group, kernel) })
		if fn == nil {
			panic(fmt.Sprintf("amd64: %s does not fit the registers", kernel))
		}
		cases = append(cases, jen.Case(jen.Lit(group)).Block(jen.Id("driveQuantiseAct").Call(jen.Id(kernel), jen.Id("a"), jen.Id("x"), jen.Id("ldx"), jen.Id("m"))))
	}
	cases = append(cases, jen.Default().Block(jen.Id("QuantiseActGeneric").Call(jen.Id("a"), jen.Id("x"), jen.Id("ldx"), jen.Id("m"))))
	f.stubs.f.Func().Id(name).Params(jen.Id("a").Op("*").Id("Act"), jen.Id("x").Index().Float32(), jen.List(jen.Id("ldx"), jen.Id("m")).Int()).Block(
		jen.Switch(jen.Id("a").Dot("Group")).Block(cases...))
	return name, f.finish(files, "", target.SharedFile("quantise"))
}
