package dispatch

import (
	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// table is kernels/table.go: the types, transforms and rotations in the order of the spec.
func table(set *spec.Set) *jen.File {
	f := newFile(target.Module+"/kernels", "kernels", "")
	f.ImportName(target.CPU, "cpu")
	var types, transforms, rotations []jen.Code
	for _, t := range set.Types {
		types = append(types, typeRow(t))
	}
	for _, t := range set.Transforms {
		transforms = append(transforms, rows(append(named(t.Name, t.Summary),
			pair("Size", jen.Lit(t.Size)),
			pair("Impls", jen.Qual(target.CPU, "Transforms").Call(jen.Qual(target.CPU, "Transform"+target.Ident(t.Name)))))))
	}
	for _, r := range set.Rotations {
		rotations = append(rotations, rows(append(named(r.Name, r.Summary),
			pair("Transform", transformRef(r.Tile)),
			pair("Guard", guard(r.Guard)))))
	}
	f.Comment("transforms are in the order of the spec.")
	f.Var().Id("transforms").Op("=").Index(jen.Op("...")).Id("Transform").Add(rows(transforms))
	f.Line()
	f.Comment("types are in the order of the spec.")
	f.Var().Id("types").Op("=").Index(jen.Op("...")).Id("Type").Add(rows(types))
	f.Line()
	f.Comment("rotations are in the order of the spec.")
	f.Var().Id("rotations").Op("=").Index(jen.Op("...")).Id("Rotation").Add(rows(rotations))
	f.Line()
	f.Add(asserts(set))
	return f
}

// asserts stops the build when package cpu was generated from another spec: an index other than 0
// does not compile.
func asserts(set *spec.Set) jen.Code {
	body := []jen.Code{
		jen.Comment("An \"invalid array index\" here means that this file and package cpu come from different specs."),
		jen.Var().Id("x").Index(jen.Lit(1)).Struct(),
	}
	for _, t := range set.Types {
		id := target.Ident(t.Name)
		body = append(body,
			jen.Id("_").Op("=").Id("x").Index(jen.Qual(target.CPU, "Block"+id).Op("-").Lit(t.Block)),
			jen.Id("_").Op("=").Id("x").Index(jen.Qual(target.CPU, "Bytes"+id).Op("-").Lit(t.Bytes)))
	}
	return jen.Func().Id("_").Params().Block(body...)
}

// named is how every row begins.
func named(name, summary string) []jen.Code {
	fields := []jen.Code{pair("Name", jen.Lit(name))}
	if summary != "" {
		fields = append(fields, pair("Summary", jen.Lit(summary)))
	}
	return fields
}

// typeRow is the row of one type. What is false or absent is left out.
func typeRow(t *spec.Type) jen.Code {
	fields := append(named(t.Name, t.Summary), pair("ID", jen.Lit(t.ID)), pair("Identity", jen.Lit(t.Identity)))
	for _, flag := range []struct {
		name string
		set  bool
	}{{"KV", t.KV}, {"Weight", t.Weight}, {"Quantised", t.Quantised}, {"Pad", t.Pad}, {"Whole", t.Whole()}} {
		if flag.set {
			fields = append(fields, pair(flag.name, jen.True()))
		}
	}
	fields = append(fields, pair("Block", jen.Lit(t.Block)), pair("Bytes", jen.Lit(t.Bytes)))
	if t.Compatible != "" {
		fields = append(fields, pair("CompatibleWith", jen.Lit(t.Compatible)))
	}
	if group, ok := target.HasMatmulQ8(t); ok {
		fields = append(fields, pair("ActGroup", jen.Lit(group)))
	}
	if t.Domain != nil {
		fields = append(fields, pair("Domain", transformRef(t.Domain)))
	}
	if t.Guard != nil {
		fields = append(fields, pair("Guard", guard(t.Guard)))
	}
	return rows(append(fields,
		pair("Impls", jen.Qual(target.CPU, "Impls").Call(jen.Qual(target.CPU, "Type"+target.Ident(t.Name))))))
}

// transformRef points at a row of transforms.
func transformRef(t *spec.Transform) jen.Code {
	return jen.Op("&").Id("transforms").Index(jen.Qual(target.CPU, "Transform"+target.Ident(t.Name)))
}
