package cpu

import (
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// ISA is one instruction set and what was generated for it.
type ISA struct {
	Name    string
	Aliases []string          // other names that users may write
	Needs   []cpuid.FeatureID // the CPU must have them all
	// by the Type constants; functions are nil where a lesser ISA serves
	types [types]Impl
	// the same bits as QuantiseActGeneric; nil where a lesser ISA serves
	QuantiseAct func(a *Act, x []float32, ldx, m int)
	transforms  [transforms]TransformImpl // by the Transform constants
	vec         Vec                       // whole, or empty where a lesser ISA serves
}

// ISAs returns the instruction sets of this build, best first. The last is portable Go and has
// every kernel.
func ISAs() []ISA { return append(slices.Clone(isas[:]), generic) }

// Missing names the features that this CPU lacks for s, "" when it has them all.
func (s *ISA) Missing() string {
	var lacks []string
	for _, f := range s.Needs {
		if !supports(f) {
			lacks = append(lacks, f.String())
		}
	}
	return strings.Join(lacks, ", ")
}

// Impls returns the implementations of one type that this CPU can run, best first. Each is
// complete: a kernel that its own instruction set lacks is taken from the next that has it.
func Impls(typ int) []Impl {
	var impls []Impl
	all := ISAs()
	for k := len(all) - 1; k >= 0; k-- {
		own := all[k].types[typ]
		if own.Empty() || all[k].Missing() != "" {
			continue
		}
		own.ISA = all[k].Name
		if len(impls) > 0 {
			own.Or(&impls[len(impls)-1])
		}
		impls = append(impls, own)
	}
	slices.Reverse(impls)
	return impls
}

// Transforms returns the implementations of one transform that this CPU can run, best first.
func Transforms(transform int) []TransformImpl {
	var impls []TransformImpl
	for _, isa := range ISAs() {
		if own := isa.transforms[transform]; own.Forward != nil && isa.Missing() == "" {
			own.ISA = isa.Name
			impls = append(impls, own)
		}
	}
	return impls
}
