package kv_test

import (
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// TestParts takes the names of choices apart again.
func TestParts(t *testing.T) {
	q4, r := kernels.Default().ByName("q4_0"), kernels.Default().Rotations()[0]
	for _, c := range []struct {
		choice                kv.Choice
		typ, rotation, offset string
	}{
		{kv.Choice{Type: q4}, "q4_0", "", ""},
		{kv.Choice{Type: q4, Rotation: r}, "q4_0", r.Name, ""},
		{kv.Choice{Type: q4, Offset: &kv.Offset{Name: "bias"}}, "q4_0", "", "bias"},
		{kv.Choice{Type: q4, Rotation: r, Offset: &kv.Offset{Name: "my-model+1.json"}}, "q4_0", r.Name, "my-model+1.json"},
	} {
		typ, rotation, offset := kv.SideRecord{Effective: c.choice.String()}.Parts()
		if typ != c.typ || rotation != c.rotation || offset != c.offset {
			t.Errorf("%s: %q, %q, %q", c.choice, typ, rotation, offset)
		}
	}
}
