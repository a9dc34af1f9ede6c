package kernels

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/kernels/cpu"
)

// EnvISA names the environment variable whose value commands hand to SelectISA.
const EnvISA = "KVRUN_ISA"

// ISA is one instruction set of this build as it stands on this machine.
type ISA struct {
	Name     string
	Rejected string // why it is not used: "the CPU lacks AVX2, FMA3"; "" for one that may be
	Selected bool   // kernels are taken from it and, where it has none, from those after it
}

// isas are the instruction sets of this build, best first.
var isas = cpu.ISAs()

// ISAs lists the instruction sets of this build, best first, with the reason for each that the
// table passes over. The last is portable Go, called generic, which runs everywhere.
func (t *Table) ISAs() []ISA {
	var list []ISA
	found := false
	for k := range isas {
		isa := ISA{Name: isas[k].Name}
		switch missing := isas[k].Missing(); {
		case missing != "":
			isa.Rejected = "the CPU lacks " + missing
		case k < t.first:
			isa.Rejected = "passed over by request"
		default:
			isa.Selected = !found
			found = true
		}
		list = append(list, isa)
	}
	return list
}

// ISA is the name of the instruction set that kernels are taken from first.
func (t *Table) ISA() string {
	list := t.ISAs()
	return list[slices.IndexFunc(list, func(i ISA) bool { return i.Selected })].Name
}

// SelectISA returns a table of the same rows that takes kernels from the named instruction set and
// those after it; "" stands for the best that the CPU has. A name that a set had once selects it,
// too: "avx512" is avx512vnni.
func (t *Table) SelectISA(name string) (*Table, error) {
	first := 0
	if name != "" {
		if first = slices.IndexFunc(isas, func(s cpu.ISA) bool { return s.Name == name || slices.Contains(s.Aliases, name) }); first < 0 {
			var known []string
			for _, s := range isas {
				known = append(known, s.Name)
			}
			return nil, fmt.Errorf("instruction set %q: this build has %s", name, strings.Join(known, ", "))
		}
		if missing := isas[first].Missing(); missing != "" {
			return nil, fmt.Errorf("instruction set %s: the CPU lacks %s", name, missing)
		}
	}
	if first == t.first {
		return t, nil
	}
	return t.from(first), nil
}

// from is a copy of the rows that takes kernels from instruction set number first on.
func (t *Table) from(first int) *Table {
	n := &Table{}
	n.take(first)
	transforms := map[*Transform]*Transform{}
	for _, row := range t.transforms {
		c := *row
		c.best = best(c.Impls, first, func(i *TransformImpl) string { return i.ISA })
		transforms[row], n.transforms = &c, append(n.transforms, &c)
	}
	for _, row := range t.types {
		c := *row
		c.best = best(c.Impls, first, func(i *Impl) string { return i.ISA })
		if own, ok := transforms[row.Domain]; ok {
			c.Domain = own
		}
		n.types = append(n.types, &c)
	}
	for _, row := range t.rotations {
		c := *row
		if own, ok := transforms[row.Transform]; ok {
			c.Transform = own
		}
		n.rotations = append(n.rotations, &c)
	}
	return n
}

// best is the number of the first implementation that is not of an instruction set before number
// first.
func best[T any](impls []T, first int, isa func(*T) string) int {
	for k := range impls[:len(impls)-1] {
		name := isa(&impls[k])
		if slices.ContainsFunc(isas[first:], func(s cpu.ISA) bool { return s.Name == name }) {
			return k
		}
	}
	return len(impls) - 1
}

// Best returns the implementation to use: the first of Impls that the table takes.
func (t *Type) Best() *Impl { return &t.Impls[t.best] }

// Best returns the implementation to use: the first of Impls that the table takes.
func (t *Transform) Best() *TransformImpl { return &t.Impls[t.best] }
