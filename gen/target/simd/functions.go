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

// Functions are those of a type under an instruction set, in the order of their names. One whose text
// the next instruction set shares is among them, though only that one's is generated.
func (t Target) Functions(typ *spec.Type, name string) (list []target.Function) {
	f := newFile(t.Machine, typ.File, typ.Name)
	f.t, f.panels = typ, newPanels(t.Machine)
	for k := range t.Machine.ISAs {
		isa := &t.Machine.ISAs[k]
		f.kernels(isa)
		if isa.Name != name {
			continue
		}
		for _, stem := range slices.Sorted(maps.Keys(f.made)) {
			c := f.made[stem]
			if c.why != "" || !strings.HasSuffix(stem, isa.Suffix) {
				continue
			}
			text, err := t.Machine.alone(isa, c.fn, typ.Name)
			if err != nil { // it was made a moment ago
				panic(err)
			}
			list = append(list, target.Function{Name: c.fn.Name, IR: c.fn.String(), Assembly: text})
		}
	}
	return list
}
