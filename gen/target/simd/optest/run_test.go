package optest

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/gen/ir"
)

// TestUntested takes away the forms of an operation, which is then named.
func TestUntested(t *testing.T) {
	forms := Forms()
	if found := untested(ir.Ops(), forms); found != nil {
		t.Errorf("%q", found)
	}
	for _, op := range ir.Ops() {
		rest := slices.DeleteFunc(slices.Clone(forms), func(f Form) bool { return f.Op == op })
		if found := untested(ir.Ops(), rest); len(found) != 1 || found[0] != op.Name+": no form of it is tested" {
			t.Errorf("without %s: %q", op.Name, found)
		}
	}
}

// TestEqualLanes holds samples to having lanes that are equal in both arguments of a comparison,
// without which some relations cannot be told apart.
func TestEqualLanes(t *testing.T) {
	for _, op := range []ir.Op{ir.OpCompareF, ir.OpCompareI} {
		equal, lanes := 0, 0
		for _, f := range Forms() {
			if f.Op != op || f.entries > 0 {
				continue
			}
			s := sample{form: f, fn: f.Build("alone")}
			s.draw(t, rand.New(rand.NewPCG(1, 2)))
			for at := arguments; at < arguments+32; at += 4 {
				lanes++
				if binary.LittleEndian.Uint32(s.before[at:]) == binary.LittleEndian.Uint32(s.before[at+32:]) {
					equal++
				}
			}
		}
		if equal*10 < lanes {
			t.Errorf("%s: %d of %d lanes are equal", op.Name, equal, lanes)
		}
	}
}
