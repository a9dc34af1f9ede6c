package kernels_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// TestExtend adds rows and looks them up beside those of the table, which stays as it was.
func TestExtend(t *testing.T) {
	base := kernels.Default()
	types, rotations := len(base.Types()), len(base.Rotations())
	own := &kernels.Type{Name: "own", ID: 60000}
	turn := &kernels.Transform{Name: "turn", Size: 64}
	spin := &kernels.Rotation{Name: "spin", Transform: turn}
	x := kernels.Extension{Types: []*kernels.Type{own, {Name: "other", ID: -1}}, Transforms: []*kernels.Transform{turn}, Rotations: []*kernels.Rotation{spin}}
	table, err := base.Extend(x)
	if err != nil {
		t.Fatal(err)
	}
	if table.ByName("own") != own || table.ByID(60000) != own || table.TransformByName("turn") != turn || table.RotationByName("spin") != spin {
		t.Error("what was added is not found")
	}
	if all := table.Types(); len(all) != types+2 || all[types] != own || table.Rotations()[rotations] != spin {
		t.Errorf("%d types", len(all))
	}
	// whatever the table is made of
	known := base.Types()[slices.IndexFunc(base.Types(), func(t *kernels.Type) bool { return t.ID >= 0 })]
	upper := strings.ToUpper(known.Name)
	for says, bad := range map[string]kernels.Extension{
		fmt.Sprintf("type %s, number -1: there is %s", upper, known.Name):                   {Types: []*kernels.Type{{Name: upper, ID: -1}}},
		fmt.Sprintf("type new, number %d: there is %s, number %[1]d", known.ID, known.Name): {Types: []*kernels.Type{{Name: "new", ID: known.ID}}},
		"type Own, number 7000: there is own":                                               {Types: []*kernels.Type{{Name: "Own", ID: 7000}}},
		"type twice, number -1: there is twice":                                             {Types: []*kernels.Type{{Name: "twice", ID: -1}, {Name: "twice", ID: -1}}},
		"transform hadamard64":                                                              {Transforms: []*kernels.Transform{{Name: "hadamard64"}}},
		"transform TURN":                                                                    {Transforms: []*kernels.Transform{{Name: "TURN"}}},
		"rotation ATTN":                                                                     {Rotations: []*kernels.Rotation{{Name: "ATTN"}}},
	} {
		if _, err := table.Extend(bad); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
	if base.ByName("own") != nil || len(base.Types()) != types || table.ByName("new") != nil || base != kernels.Default() {
		t.Error("a table was changed")
	}
}

// TestTables extends and selects at once from several goroutines: rows of a table refer to rows of
// that table alone, in both orders of the two.
func TestTables(t *testing.T) {
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			base := kernels.Default()
			domain := base.TransformByName("hadamard64")
			own := &kernels.Type{Name: "own", ID: -1, Domain: domain, Impls: []kernels.Impl{{ISA: "interpreted"}}}
			table, err := base.Extend(kernels.Extension{Types: []*kernels.Type{own}})
			if err == nil {
				table, err = table.SelectISA("generic")
			}
			if err != nil {
				t.Error(err)
				return
			}
			if got := table.ByName("own"); got.Domain != table.TransformByName("hadamard64") || got.Best().ISA != "interpreted" || own.Domain != domain {
				t.Errorf("%+v", got)
			}
			for _, typ := range table.Types() {
				if typ.Domain != nil && table.TransformByName(typ.Domain.Name) != typ.Domain {
					t.Errorf("the domain of %s is of another table", typ.Name)
				}
				if best := typ.Best().ISA; typ.Name != "own" && best != "generic" {
					t.Errorf("%s takes %s", typ.Name, best)
				}
			}
			for _, r := range table.Rotations() {
				if table.TransformByName(r.Transform.Name) != r.Transform || r.Transform.Best().ISA != "generic" {
					t.Errorf("the transform of %s is of another table", r.Name)
				}
			}
		})
	}
	wait.Wait()
	if again := kernels.Default(); again.ISA() != again.ISAs()[slices.IndexFunc(again.ISAs(), func(i kernels.ISA) bool { return i.Rejected == "" })].Name {
		t.Errorf("the default table takes %s", again.ISA())
	}
}
