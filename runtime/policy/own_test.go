package policy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// TestOwnTypes chooses by what is measured: of the types in the same bytes the one over the
// extremum where there is one, in every block, and no other program's.
func TestOwnTypes(t *testing.T) {
	for bits, family := range map[int]string{2: "lm", 3: "xm", 4: "xm", 5: "xm", 6: "lm"} {
		var want []string
		for _, n := range OwnBlocks {
			want = append(want, fmt.Sprintf("%s%d_%d", family, bits, n))
		}
		if got := OwnTypes(kernels.Default(), bits); !slices.Equal(got, want) {
			t.Errorf("%d bits: %v, want %v", bits, got, want)
		}
	}
	// What --cache auto takes of others for 8 bits: a type of another program, never one that only
	// decodes, is for weights, or is this project's.
	if got := PublishedTypes(kernels.Default(), 8); !slices.Equal(got, []string{"q8_0"}) {
		t.Errorf("published types of 8 bits: %v", got)
	}
	if got := PublishedTypes(kernels.Default(), 9); got != nil {
		t.Errorf("published types of 9 bits: %v", got)
	}
	if got := append(OwnTypes(kernels.Default(), 1), OwnTypes(kernels.Default(), 9)...); got != nil {
		t.Errorf("of 1 and 9 bits: %v", got)
	}
	// The error of lm4_64 is published as .0088 of the power, that of xm4_64 as .0071.
	for name, want := range map[string]float64{"lm4_64": .0088, "xm4_64": .0071} {
		if got := normalLoss(kernels.Default().ByName(name)) / (8 * 1024); got < .95*want || got > 1.05*want {
			t.Errorf("%s: %.5f, want %.5f", name, got, want)
		}
	}
}
