package spec

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/kvgen/kvgen/gen/codebook"
)

// TestSolverSteps holds what codebooks are counted as, and that one beyond the budget of the files
// is not computed.
func TestSolverSteps(t *testing.T) {
	const n = 4
	for whole, each := range map[bool]int{false: lloydSteps, true: lloydSteps + int8Steps} {
		cost := n*each + 1
		for _, budget := range []int{cost, cost + 7, cost - 1, 1, 0} {
			p := newParser(&Set{}, nil)
			p.steps = budget
			b, err := (&scope{parser: p}).solve(n, codebook.Gaussian(), whole, hcl.Range{})
			if err != nil {
				t.Fatal(err)
			}
			if computed := b != nil; computed != (budget >= cost) || p.spent == computed {
				t.Errorf("as int8 %t, %d steps of %d: computed %t, spent %t", whole, cost, budget, computed, p.spent)
			}
			if want := budget - cost; want >= 0 && p.steps != want {
				t.Errorf("as int8 %t: %d steps are left, want %d", whole, p.steps, want)
			}
		}
	}
}
