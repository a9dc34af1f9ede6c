package simd

import (
	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/target"
)

// vectorsFile generates the operations on vectors.
func vectorsFile(m *Machine, files map[string][]byte) (list []target.Vector, why string, err error) {
	isa, f := m.base(), newFile(m, "", "vec")
	for _, o := range lower.Vectors {
		fn := f.function(isa, "lanes"+o.Field, o.Kernel)
		if fn == nil {
			return nil, f.why, nil
		}
		list = append(list, target.Vector{Field: o.Field, Func: f.stubs.vector(o, fn.Name, isa)})
	}
	return list, "", f.finish(files, "", target.SharedFile("vec"))
}

// vector writes the function of the table: it cuts the slices to the first, or to half of the wide
// one, and calls the kernel directly, so that what it passes by address stays on its stack.
func (s *stubs) vector(o *lower.Vector, kernel string, isa *ISA) string {
	name := "vec" + o.Field + isa.Suffix
	var slices, scalars, args, body []jen.Code
	for _, x := range o.Slices {
		slices = append(slices, jen.Id(x))
		args = append(args, jen.Qual("unsafe", "SliceData").Call(cutTo(x, o)))
	}
	for _, x := range o.Scalars {
		scalars = append(scalars, jen.Id(x))
	}
	decl := []jen.Code{jen.List(slices...).Index().Float32()}
	if len(scalars) > 0 {
		decl = append(decl, jen.List(scalars...).Float32())
	}
	n := jen.Len(jen.Id(o.Slices[0]))
	if o.Wide != "" {
		n = jen.Len(jen.Id(o.Slices[1]))
	}
	body = append(body, jen.Id("n").Op(":=").Add(n))
	args = append(args, jen.Id("n"))
	if len(o.Args) > 0 {
		var values []jen.Code
		for _, a := range o.Args {
			values = append(values, jen.Id(a))
		}
		body = append(body, jen.Id("args").Op(":=").Index(jen.Op("...")).Float32().Values(values...))
		args = append(args, jen.Op("&").Id("args").Index(jen.Lit(0)))
	}
	if o.Partial != "" {
		body = append(body, jen.Var().Id("lanes").Index(jen.Lit(ir.VectorLanes)).Id(o.Partial))
		args = append(args, jen.Op("&").Id("lanes").Index(jen.Lit(0)))
	}
	body = append(body, jen.Id(kernel).Call(args...))
	result := jen.Null()
	if o.Partial != "" {
		body = append(body, jen.Return(jen.Id(o.Fold).Call(jen.Op("&").Id("lanes"))))
		result = jen.Id(o.Result)
	}
	s.add(isa, jen.Func().Id(name).Params(decl...).Add(result).Block(body...))
	return name
}

// cutTo is slice x with as many values as there are turns, or twice as many; the first slice of
// equals is whole.
func cutTo(x string, o *lower.Vector) *jen.Statement {
	switch x {
	case o.Wide:
		return jen.Id(x).Index(jen.Empty(), jen.Lit(2).Op("*").Id("n"))
	case o.Slices[0]:
		return jen.Id(x)
	}
	return jen.Id(x).Index(jen.Empty(), jen.Id("n"))
}
