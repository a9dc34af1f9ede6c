package ctext_test

import (
	"os"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

// TestKeep says of which types rows in device memory keep all of a block, and why of others they
// do not.
func TestKeep(t *testing.T) {
	want := map[string]string{
		"late_scale": "kept as numbers", "woven": "", "brain_affine": "", "signed3": "kept as numbers", "ternary": "kept as numbers",
		"split_scales": "kept as numbers", "residual": "kept as numbers",
		"turbo4": "", "q8_0": "", "q5_1": "", "lm5_128": "", "mxfp4": "its scale is computed", "q4_K": "it has several codes for a value",
	}
	seen := 0
	for _, folder := range []string{"../../../testdata/unseen", "../../../kernels/spec"} {
		set, err := spec.Load(os.DirFS(folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range set.Types {
			why, ok := want[typ.Name]
			if !ok {
				continue
			}
			seen++
			text := string(host.Type(typ))
			got := ""
			switch _, after, lost := strings.Cut(text, "kept = false; // rows do not keep all of a block: "); {
			case !strings.Contains(text, " codes = true; // rows of the cache"):
				// What is written of blocks is for weights.
				got = "kept as numbers"
			case lost:
				got, _, _ = strings.Cut(after, "\n")
			case !strings.Contains(text, "kept = true"):
				got = "nothing is said"
			}
			if got != why {
				t.Errorf("%s: %q, want %q", typ.Name, got, why)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d of %d types were found", seen, len(want))
	}
}
