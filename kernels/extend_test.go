package kernels_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// TestExtend adds rows, looks them up beside those of the table, and takes them out again.
func TestExtend(t *testing.T) {
	defer kernels.Extend(kernels.Extension{})
	types, rotations := len(kernels.Types()), len(kernels.Rotations())
	own := &kernels.Type{Name: "own", ID: 60000}
	turn := &kernels.Transform{Name: "turn", Size: 64}
	spin := &kernels.Rotation{Name: "spin", Transform: turn}
	x := kernels.Extension{Types: []*kernels.Type{own, {Name: "other", ID: -1}}, Transforms: []*kernels.Transform{turn}, Rotations: []*kernels.Rotation{spin}}
	if err := kernels.Extend(x); err != nil {
		t.Fatal(err)
	}
	if kernels.ByName("own") != own || kernels.ByID(60000) != own || kernels.TransformByName("turn") != turn || kernels.RotationByName("spin") != spin {
		t.Error("what was added is not found")
	}
	if all := kernels.Types(); len(all) != types+2 || all[types] != own || kernels.Rotations()[rotations] != spin {
		t.Errorf("%d types", len(all))
	}
	known := kernels.Types()[slices.IndexFunc(kernels.Types(), func(t *kernels.Type) bool { return t.ID >= 0 })] // whatever the table is made of
	upper := strings.ToUpper(known.Name)
	for says, bad := range map[string]kernels.Extension{
		fmt.Sprintf("type %s, number -1: there is %s", upper, known.Name):                   {Types: []*kernels.Type{{Name: upper, ID: -1}}},
		fmt.Sprintf("type new, number %d: there is %s, number %[1]d", known.ID, known.Name): {Types: []*kernels.Type{{Name: "new", ID: known.ID}}},
		"type Own, number 7000: there is own":                                               {Types: []*kernels.Type{own, {Name: "Own", ID: 7000}}},
		"transform hadamard64":                                                              {Transforms: []*kernels.Transform{{Name: "hadamard64"}}},
		"rotation ATTN":                                                                     {Rotations: []*kernels.Rotation{{Name: "ATTN"}}},
	} {
		if err := kernels.Extend(bad); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
	if kernels.ByName("own") != own || kernels.ByName("new") != nil {
		t.Error("a refused extension changed the table")
	}
	if err := kernels.Extend(kernels.Extension{}); err != nil || kernels.ByName("own") != nil || len(kernels.Types()) != types {
		t.Error("what was added stays:", err)
	}
}
