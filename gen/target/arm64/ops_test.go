package arm64

import (
	"slices"
	"strings"
	"testing"

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

// under runs programs of each instruction set on hosts of other machines: on a processor that has
// nothing beyond it.
var under = map[string][]string{
	"dotprod": {"qemu-aarch64", "-cpu", "neoverse-n1"},
	"neon":    {"qemu-aarch64", "-cpu", "cortex-a72"},
}

// TestOps compares what is selected for each operation with its meaning.
func TestOps(t *testing.T) {
	for k := range Machine.ISAs {
		isa := &Machine.ISAs[k]
		t.Run(isa.Name, func(t *testing.T) {
			if why := optest.Missing(Machine, isa, under[isa.Name]...); why != "" {
				t.Skip(why)
			}
			for _, f := range optest.Run(t, Machine, isa, under[isa.Name]...) {
				t.Error(f)
			}
		})
	}
}

// planted is the machine with wrong selections: a difference is a sum, a minimum has its operands
// exchanged, a product of signed bytes takes one factor twice, a floor is a square root.
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
		case ir.OpDotS8Acc:
			wrong.Args = []*ir.Value{in.Args[0], in.Args[1], in.Args[1]}
		case ir.OpFloor:
			wrong.Op = ir.OpSqrt
		}
		return Machine.Select(s, &wrong)
	}
	return &m
}

// TestPlanted sees that a wrong selection is named by its operation, and no other is.
func TestPlanted(t *testing.T) {
	m := planted()
	isa := &m.ISAs[len(m.ISAs)-1]
	if why := optest.Missing(m, isa, under[isa.Name]...); why != "" {
		t.Skip(why)
	}
	var names []string
	for _, f := range optest.Run(t, m, isa, under[isa.Name]...) {
		name, _, _ := strings.Cut(f, ":")
		names = append(names, name)
	}
	slices.Sort(names)
	if names = slices.Compact(names); !slices.Equal(names, []string{"dots8acc", "factor", "floor", "folds8", "folds8acc", "minf", "subi"}) {
		t.Errorf("four wrong selections were planted, one of which shows in others; found: %v", names)
	}
}
