package simd

import (
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// Target is the back end of a machine.
type Target struct{ Machine *Machine }

// Name is the machine's.
func (t Target) Name() string { return t.Machine.Name }

// Generate makes an assembly file and a Go file per type, each with the kernels of all instruction
// sets.
func (t Target) Generate(set *spec.Set) (*target.Output, error) {
	m := t.Machine
	out := &target.Output{Files: map[string][]byte{}}
	for _, isa := range m.ISAs {
		out.ISAs = append(out.ISAs, target.ISA{Name: isa.Name, Arch: m.Name, Needs: isa.Needs, Aliases: isa.Aliases})
	}
	panels := newPanels(m)
	for _, t := range set.Types {
		f := newFile(m, t.File, t.Name)
		f.t, f.panels = t, panels
		for i := range m.ISAs {
			out.ISAs[i].Types = append(out.ISAs[i].Types, f.kernels(&m.ISAs[i]))
		}
		if err := f.finish(out.Files, t.File, target.TypeFile(t.Name)); err != nil {
			return nil, err
		}
	}
	if err := panels.finish(out.Files, "", target.SharedFile("gemm")); err != nil {
		return nil, err
	}
	return out, shared(m, set, out)
}

// base is the instruction set whose transforms, encoders and rounding serve all of a
// machine: they are bound by shuffles and memory, which better sets do not speed up.
func (m *Machine) base() *ISA { return &m.ISAs[len(m.ISAs)-1] }

// after is the next instruction set of the list, nil after the last.
func (m *Machine) after(isa *ISA) *ISA {
	for k := range len(m.ISAs) - 1 {
		if &m.ISAs[k] == isa {
			return &m.ISAs[k+1]
		}
	}
	return nil
}

// shared adds the kernels that the lowest instruction set has for all of them.
func shared(m *Machine, set *spec.Set, out *target.Output) error {
	least := &out.ISAs[len(m.ISAs)-1]
	missing := func(kernel, why string) {
		if why == "" {
			return
		}
		if least.Why == nil {
			least.Why = map[string]string{}
		}
		least.Why[kernel] = why
	}
	for _, t := range set.Transforms {
		names, why, err := transformFile(m, t, out.Files)
		if err != nil {
			return err
		}
		if missing(t.Name, why); why == "" {
			least.Transforms = append(least.Transforms, names)
		}
	}
	name, why, err := quantiseFile(m, out.Files)
	if err != nil {
		return err
	}
	least.QuantiseAct = name
	missing("QuantiseAct", why)
	least.Vectors, why, err = vectorsFile(m, out.Files)
	missing("Vectors", why)
	return err
}
