// Package portable generates the kernels in plain Go: one loop per statement of the spec, arrays
// for vectors, ordinary variables for scalars. They run everywhere and are the fallback of every
// instruction set. They are meant to be read: what a type means is what its generated file says.
//
// Every product is converted with float32(...), since Go may otherwise fuse it with a following
// sum. Sums run from the first value to the last. Functions whose rounding matters are hand-written
// in kernels/cpu.
package portable

import (
	"bytes"
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// Target is the portable back end.
type Target struct{}

// Name is "portable".
func (Target) Name() string { return "portable" }

// Generate makes one file per type and per transform, and reports the ISA called generic.
func (Target) Generate(set *spec.Set) (*target.Output, error) {
	out := &target.Output{Files: map[string][]byte{}}
	isa := target.ISA{Name: "generic", QuantiseAct: "QuantiseActGeneric"}
	for _, t := range set.Transforms {
		file, names := transformFile(t)
		if err := add(out, target.TransformFile(t.Name), file); err != nil {
			return nil, err
		}
		isa.Transforms = append(isa.Transforms, names)
	}
	for _, t := range set.Types {
		file, names := typeFile(t)
		if err := add(out, target.TypeFile(t.Name), file); err != nil {
			return nil, err
		}
		isa.Types = append(isa.Types, names)
	}
	out.ISAs = []target.ISA{isa}
	return out, nil
}

// add renders a file whose path begins so.
func add(out *target.Output, base string, file *jen.File) error {
	path := base + "_generic.go"
	var text bytes.Buffer
	if err := file.Render(&text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	out.Files[path] = text.Bytes()
	return nil
}

// newFile starts a file of package cpu generated from the given spec file.
func newFile(from string) *jen.File {
	f := jen.NewFilePathName(target.CPU, "cpu")
	f.HeaderComment(target.Header(from))
	return f
}

// typeFile generates the kernels of one type.
func typeFile(t *spec.Type) (*jen.File, target.Kernels) {
	id := target.Ident(t.Name)
	names := target.NewKernels(t)
	name := func(kind, base string) string {
		names.Set(kind, base+id+"Generic")
		return base + id + "Generic"
	}
	decode := name("Decode", "decode")
	name("Matmul", "matmul")
	f := newFile(t.File)
	f.Commentf("Size of a block of %s: values and bytes.", t.Name)
	f.Const().Defs(jen.Id("Block"+id).Op("=").Lit(t.Block), jen.Id("Bytes"+id).Op("=").Lit(t.Bytes))
	f.Line()
	tables := &tables{id: id}
	if t.Encode != nil {
		encodeRow(f, t, name("Encode", "encode"))
		f.Add(encodeBlock(t, tables))
	}
	decodeRow(f, t, decode)
	f.Add(decodeBlock(t, tables))
	if _, ok := target.HasMatmulQ8(t); ok {
		name("MatmulQ8", "matmulQ8")
	}
	if t.KV {
		name("Mix", "mix")
	}
	rowKernels(f, t, names)
	f.Add(tables.code...)
	return f, names
}
