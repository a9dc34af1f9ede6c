package simd

import (
	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
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
