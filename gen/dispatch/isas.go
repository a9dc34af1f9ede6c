package dispatch

import (
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
	"github.com/kvgen/kvgen/kernels/abi"
)

const cpuid = "github.com/klauspost/cpuid/v2"

// newFile starts a generated file. Its build constraint, if any, goes below the header.
func newFile(path, name, constraint string) *jen.File {
	f := jen.NewFilePathName(path, name)
	f.HeaderComment(target.Header(""))
	f.ImportName(cpuid, "cpuid")
	if constraint != "" {
		f.HeaderComment("//go:build " + constraint)
	}
	return f
}

// portableFile numbers the types and transforms and lists the portable kernels, which every build
// has.
func portableFile(set *spec.Set, generic target.ISA) *jen.File {
	f := newFile(target.CPU, "cpu", "")
	f.Comment("Positions of the types in the tables of this package.")
	f.Const().DefsFunc(func(g *jen.Group) {
		for k, t := range set.Types {
			g.Add(numbered("Type"+target.Ident(t.Name), k))
		}
		g.Id("types").Op("=").Lit(len(set.Types))
	})
	f.Line()
	f.Comment("Positions of the transforms.")
	f.Const().DefsFunc(func(g *jen.Group) {
		for k, t := range set.Transforms {
			g.Add(numbered("Transform"+target.Ident(t.Name), k))
		}
		g.Id("transforms").Op("=").Lit(len(set.Transforms))
	})
	f.Line()
	f.Comment("generic is portable Go: it serves every type on every machine.")
	f.Var().Id("generic").Op("=").Id("ISA").Add(isa(generic))
	return f
}

func numbered(name string, k int) jen.Code { return jen.Id(name).Op("=").Lit(k) }

// archFile lists the instruction sets of one architecture.
func archFile(arch string, isas []target.ISA) *jen.File {
	f := newFile(target.CPU, "cpu", arch+" && !noasm")
	f.Commentf("isas are the instruction sets that have assembly on %s, best first.", arch)
	var each []jen.Code
	for _, s := range isas {
		each = append(each, isa(s))
	}
	f.Var().Id("isas").Op("=").Index(jen.Op("...")).Id("ISA").Add(rows(each))
	return f
}

// noneFile is for machines that no architecture file is built for.
func noneFile(archs []string) *jen.File {
	var constraint string
	if len(archs) > 0 {
		constraint = "noasm || !(" + strings.Join(archs, " || ") + ")"
		if len(archs) == 1 {
			constraint = "noasm || !" + archs[0]
		}
	}
	f := newFile(target.CPU, "cpu", constraint)
	f.Comment("isas is empty: this build has no assembly.")
	f.Var().Id("isas").Index(jen.Lit(0)).Id("ISA")
	return f
}

// isa is the literal of one instruction set.
func isa(s target.ISA) *jen.Statement {
	fields := []jen.Code{pair("Name", jen.Lit(s.Name))}
	if len(s.Aliases) > 0 {
		fields = append(fields, pair("Aliases", jen.Index().String().ValuesFunc(func(g *jen.Group) {
			for _, alias := range s.Aliases {
				g.Lit(alias)
			}
		})))
	}
	if len(s.Needs) > 0 {
		fields = append(fields, pair("Needs", jen.Index().Qual(cpuid, "FeatureID").ValuesFunc(func(g *jen.Group) {
			for _, need := range s.Needs {
				g.Qual(cpuid, need)
			}
		})))
	}
	if s.QuantiseAct != "" {
		fields = append(fields, pair("QuantiseAct", jen.Id(s.QuantiseAct)))
	}
	if len(s.Vectors) > 0 {
		vec := []jen.Code{pair("ISA", jen.Lit(s.Name))}
		for _, v := range s.Vectors {
			vec = append(vec, pair(v.Field, jen.Id(v.Func)))
		}
		fields = append(fields, pair("vec", jen.Id("Vec").Add(rows(vec))))
	}
	var types, transforms []jen.Code
	for _, k := range s.Types {
		types = append(types, pair("Type"+target.Ident(k.Type), kernels(k)))
	}
	for _, t := range s.Transforms {
		transforms = append(transforms, pair("Transform"+target.Ident(t.Transform),
			jen.Values(pair("Forward", jen.Id(t.Forward)), pair("Inverse", jen.Id(t.Inverse)))))
	}
	return rows(append(fields,
		pair("types", jen.Index(jen.Id("types")).Id("Impl").Add(rows(types))),
		pair("transforms", jen.Index(jen.Id("transforms")).Id("TransformImpl").Add(rows(transforms)))))
}

// kernels is the literal of one type's functions.
func kernels(k target.Kernels) *jen.Statement {
	var fields []jen.Code
	for _, kind := range abi.Kinds {
		if name := k.Funcs[kind.Field]; name != "" {
			fields = append(fields, pair(kind.Field, jen.Id(name)))
		}
	}
	return rows(fields)
}

// pair is key: value in a composite literal.
func pair(key string, value jen.Code) jen.Code { return jen.Id(key).Op(":").Add(value) }

// rows is a composite literal with a line per element.
func rows(elements []jen.Code) *jen.Statement {
	return jen.Custom(jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}, elements...)
}
