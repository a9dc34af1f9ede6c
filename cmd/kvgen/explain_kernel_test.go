package main

import (
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels/abi"
)

// TestExplainedKernels sees that a new kind of kernel can be explained: its functions are named.
func TestExplainedKernels(t *testing.T) {
	for _, k := range abi.Kinds {
		if len(stems[k.Field].own) == 0 {
			t.Errorf("no functions are named for %s", k.Field)
		}
	}
	names := explainedKernels()
	slices.Sort(names)
	if len(stems) != len(names) || len(slices.Compact(names)) != len(stems) {
		t.Errorf("%d kernels of the names %v", len(stems), names)
	}
}
