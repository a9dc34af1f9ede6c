package simd

import (
	"maps"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// InstructionSets are the names of the machine's, best first.
func (t Target) InstructionSets() (names []string) {
	for _, isa := range t.Machine.ISAs {
		names = append(names, isa.Name)
	}
	return names
}

// Functions are those of a type under an instruction set, in the order of their names, and those
// that it shares with other types. One whose text the next instruction set shares is among them,
// though only that one's is generated.
func (t Target) Functions(typ *spec.Type, name string) []target.Function {
	f := newFile(t.Machine, typ.File, typ.Name)
	f.t, f.panels = typ, newPanels(t.Machine)
	for k := range t.Machine.ISAs {
		if isa := &t.Machine.ISAs[k]; isa.Name == name {
			f.kernels(isa)
			return append(f.functions(isa, typ.Name, false), f.panels.functions(isa, "shared", true)...)
		}
	}
	return nil
}

// functions are those of a file under an instruction set; prefix is what names of constants begin
// with.
func (f *file) functions(isa *ISA, prefix string, shared bool) (list []target.Function) {
	for _, name := range slices.Sorted(maps.Keys(f.made)) {
		c := f.made[name]
		if c.why != "" || !strings.HasSuffix(name, isa.Suffix) {
			continue
		}
		text, err := f.m.alone(isa, c.fn, prefix)
		if err != nil { // it was made a moment ago
			panic(err)
		}
		list = append(list, target.Function{Name: c.fn.Name, Shared: shared, IR: c.fn.String(), Assembly: text})
	}
	return list
}
