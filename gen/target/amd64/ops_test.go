package amd64

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/target/simd"
	"github.com/kvgen/kvgen/gen/target/simd/optest"
)

// TestSelection looks on any host that each operation has a selection or is said to be lacking.
func TestSelection(t *testing.T) {
	for _, f := range optest.Selection(Machine) {
		t.Error(f)
	}
}

// TestOps compares what is selected for each operation with its meaning, on this processor.
func TestOps(t *testing.T) {
	for k := range Machine.ISAs {
		isa := &Machine.ISAs[k]
		t.Run(isa.Name, func(t *testing.T) {
			if why := optest.Missing(Machine, isa); why != "" {
				t.Skip(why)
			}
			for _, f := range optest.Run(t, Machine, isa) {
				t.Error(f)
			}
		})
	}
}

// planted is the machine with wrong selections: a difference is a sum, a minimum has its operands
// exchanged, which only a NaN or two zeros show, an accumulation in bytes is not one.
func planted() *simd.Machine {
	m := *Machine
	m.Select = func(s *simd.Selector, in *ir.Instr) bool {
		wrong := *in
		switch in.Op {
		case ir.OpSubI:
			wrong.Op = ir.OpAddI
		case ir.OpMinF:
			if len(in.Args) == 2 {
				wrong.Args = []*ir.Value{in.Args[1], in.Args[0]}
			}
		case ir.OpDotAcc:
			s.Op("VPADDD", s.Operand(in.Args[2]), s.R(in.Args[0]), s.R(in.Args[0]))
			return true
		case ir.OpFloor:
			s.Op("VROUNDPS", asm.Imm(8), s.R(in.Args[0]), s.R(in.Dst))
			return true
		}
		return Machine.Select(s, &wrong)
	}
	return &m
}

// TestPlanted sees that a wrong selection is named by its operation, and no other is.
func TestPlanted(t *testing.T) {
	m := planted()
	isa := &m.ISAs[len(m.ISAs)-1]
	if why := optest.Missing(m, isa); why != "" {
		t.Skip(why)
	}
	var names []string
	for _, f := range optest.Run(t, m, isa) {
		name, _, _ := strings.Cut(f, ":")
		names = append(names, name)
	}
	slices.Sort(names)
	if names = slices.Compact(names); !slices.Equal(names, []string{"dotacc", "floor", "minf", "subi"}) {
		t.Errorf("four wrong selections were planted, found: %v", names)
	}
}

// TestLacking takes a selection away: the machine says by name what it lacks.
func TestLacking(t *testing.T) {
	m := *Machine
	m.Select = func(s *simd.Selector, in *ir.Instr) bool { return in.Op != ir.OpPack4 && Machine.Select(s, in) }
	found := optest.Selection(&m)
	if len(found) != len(m.ISAs) || !strings.Contains(found[0], "pack4: neither selected nor said to be lacking: alone: amd64 has no operation pack4") {
		t.Errorf("found %q", found)
	}
	m.Lacks = maps.Clone(Machine.Lacks)
	m.Lacks[ir.OpPack4] = "planted"
	if _, err := m.Alone(&m.ISAs[0], packs()); err == nil || !strings.Contains(err.Error(), "amd64 has no operation pack4: planted") {
		t.Errorf("got %v", err)
	}
	if found := optest.Selection(&m); len(found) > 0 {
		t.Errorf("said to be lacking, and found: %q", found)
	}
}

// packs is a function with the operation.
func packs() *ir.Func {
	b := ir.Build("packs", nil, "packs is a test.")
	x := b.Zero(ir.Type{Elem: ir.I32, Lanes: 8}, "x")
	b.Pack4(x, x, x, x)
	return b.F
}
