package kernels

import (
	"slices"
	"sync"

	"github.com/kvgen/kvgen/kernels/cpu"
)

// Table is what a program knows of types, transforms and rotations, and which implementation of
// each it uses. Whatever needs kernels is given one.
//
// A table never changes: Extend and SelectISA return another, so that models with different types
// and instruction sets work beside each other in one process. It may be used by any number of
// goroutines. The rows of a table, which are shared, refer to each other and to no other table's:
// what is compared or combined comes from one table.
type Table struct {
	types      []*Type
	transforms []*Transform
	rotations  []*Rotation

	first    int // position in isas from which on kernels are taken
	quantise func(a *Act, x []float32, ldx, m int)
	vec      *Vec
}

// Default is the table of all types that kernels were generated for, with the best instruction set
// that the CPU has. It is the same value every time.
var Default = sync.OnceValue(func() *Table {
	t := &Table{types: pointers(types[:]), transforms: pointers(transforms[:]), rotations: pointers(rotations[:])}
	t.take(0)
	return t
})

// take selects the shared functions of the instruction sets from number first on.
func (t *Table) take(first int) {
	t.first, t.quantise, t.vec = first, cpu.QuantiseActGeneric, &cpu.VecGeneric
	for _, s := range isas[first:] {
		if s.QuantiseAct != nil && s.Missing() == "" {
			t.quantise = s.QuantiseAct
			break
		}
	}
	for _, v := range cpu.Vecs() {
		if slices.ContainsFunc(isas[first:], func(s cpu.ISA) bool { return s.Name == v.ISA }) {
			t.vec = v
			return
		}
	}
}

// Types returns every type in the order of the spec. The rows are shared: do not change them.
func (t *Table) Types() []*Type { return slices.Clone(t.types) }

// Transforms returns every transform in the order of the spec.
func (t *Table) Transforms() []*Transform { return slices.Clone(t.transforms) }

// Rotations returns every rotation in the order of the spec.
func (t *Table) Rotations() []*Rotation { return slices.Clone(t.rotations) }

// ByName returns the type of that name, nil if there is none.
func (t *Table) ByName(name string) *Type {
	return find(t.types, func(o *Type) bool { return o.Name == name })
}

// ByID returns the type with that ggml type number, nil if there is none.
func (t *Table) ByID(id int) *Type {
	return find(t.types, func(o *Type) bool { return o.ID == id && id >= 0 })
}

// TransformByName returns the transform of that name, nil if there is none.
func (t *Table) TransformByName(name string) *Transform {
	return find(t.transforms, func(o *Transform) bool { return o.Name == name })
}

// RotationByName returns the rotation of that name, nil if there is none.
func (t *Table) RotationByName(name string) *Rotation {
	return find(t.rotations, func(o *Rotation) bool { return o.Name == name })
}

// QuantiseAct rounds m rows of a.N floats, ldx apart in x, to int8 in a, which Act.Resize has given
// room. The result is the same to the bit under every instruction set.
func (t *Table) QuantiseAct(a *Act, x []float32, ldx, m int) {
	cpu.QuantiseAct(t.quantise, a, x, ldx, m)
}

// Vec returns the operations on vectors that the table uses: those of Vecs that its instruction
// sets allow, best first.
func (t *Table) Vec() *Vec { return t.vec }

// find is the first row that is wanted, nil if there is none.
func find[T any](rows []*T, wanted func(*T) bool) *T {
	if k := slices.IndexFunc(rows, wanted); k >= 0 {
		return rows[k]
	}
	return nil
}

func pointers[T any](rows []T) []*T {
	all := make([]*T, len(rows))
	for k := range rows {
		all[k] = &rows[k]
	}
	return all
}
