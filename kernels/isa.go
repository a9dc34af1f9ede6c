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

// The instruction sets of this build, best first, and the position from which on kernels are taken.
var (
	isas        = cpu.ISAs()
	selected    = 0
	quantiseAct = findQuantiseAct()
	vec         = findVec()
)

// ISAs lists the instruction sets of this build, best first, with the reason for each that is passed over. The last is
// portable Go, called generic, which runs everywhere.
func ISAs() []ISA {
	var list []ISA
	found := false
	for k := range isas {
		isa := ISA{Name: isas[k].Name}
		switch missing := isas[k].Missing(); {
		case missing != "":
			isa.Rejected = "the CPU lacks " + missing
		case k < selected:
			isa.Rejected = "passed over by request"
		default:
			isa.Selected = !found
			found = true
		}
		list = append(list, isa)
	}
	return list
}

// SelectISA makes the named instruction set the best that Best returns; "" selects the best that the CPU has. A name that a set
// had once selects it, too: "avx512" is avx512vnni. Call it when a program starts, before kernels are looked up.
func SelectISA(name string) error {
	k := 0
	if name != "" {
		if k = slices.IndexFunc(isas, func(s cpu.ISA) bool { return s.Name == name || slices.Contains(s.Aliases, name) }); k < 0 {
			var known []string
			for _, s := range isas {
				known = append(known, s.Name)
			}
			return fmt.Errorf("instruction set %q: this build has %s", name, strings.Join(known, ", "))
		}
		if missing := isas[k].Missing(); missing != "" {
			return fmt.Errorf("instruction set %s: the CPU lacks %s", name, missing)
		}
	}
	selected = k
	quantiseAct, vec = findQuantiseAct(), findVec()
	return nil
}

// Best returns the implementation to use: the first of Impls that SelectISA allows.
func (t *Type) Best() *Impl {
	return best(t.Impls, func(i *Impl) string { return i.ISA })
}

// Best returns the implementation to use: the first of Impls that SelectISA allows.
func (t *Transform) Best() *TransformImpl {
	return best(t.Impls, func(i *TransformImpl) string { return i.ISA })
}

// best is the first implementation that is not of an instruction set better than the selected one.
func best[T any](impls []T, isa func(*T) string) *T {
	for k := range impls[:len(impls)-1] {
		name := isa(&impls[k])
		if slices.ContainsFunc(isas[selected:], func(s cpu.ISA) bool { return s.Name == name }) {
			return &impls[k]
		}
	}
	return &impls[len(impls)-1]
}

// QuantiseAct rounds m rows of a.N floats, ldx apart in x, to int8 in a, which Act.Resize has given room. The result is the
// same to the bit under every instruction set.
func QuantiseAct(a *Act, x []float32, ldx, m int) { cpu.QuantiseAct(quantiseAct, a, x, ldx, m) }

func findQuantiseAct() func(a *Act, x []float32, ldx, m int) {
	for _, s := range isas[selected:] {
		if s.QuantiseAct != nil && s.Missing() == "" {
			return s.QuantiseAct
		}
	}
	return cpu.QuantiseActGeneric
}
