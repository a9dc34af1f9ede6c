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

// TestPlanID: what is stored has the name, and not what was asked for.
func TestPlanID(t *testing.T) {
	table := kernels.Default()
	f16, q8, q4 := kv.Choice{Type: table.ByName("f16")}, kv.Choice{Type: table.ByName("q8_0")}, kv.Choice{Type: table.ByName("q4_0")}
	turned := kv.Choice{Type: q8.Type, Rotation: table.Rotations()[0]}
	plan := func(p kv.Policy) string {
		t.Helper()
		made, err := kv.NewPlan([]kv.Layer{{Index: 0, Heads: 2, KeyDim: 64, ValueDim: 64}}, p)
		if err != nil {
			t.Fatal(err)
		}
		return made.Record(0).ID()
	}
	same := plan(kv.Policy{K: q8, V: q8})
	if again := plan(kv.Policy{K: q8, V: q8, Fallback: f16.Type}); again != same {
		t.Errorf("%s and %s store the same", same, again)
	}
	seen := map[string]int{same: 0}
	for i, p := range []kv.Policy{{K: q8, V: q4}, {K: q4, V: q8}, {K: f16, V: f16}, {K: turned, V: q8}, {K: q8, V: turned}, {K: q8, V: q8, Ends: kv.Ends{First: 4}}, {K: q8, V: q8, Ends: kv.Ends{Last: 8}}} {
		id := plan(p)
		if before, ok := seen[id]; ok {
			t.Errorf("policies %d and %d have one id, %s", before, i+1, id)
		}
		seen[id] = i + 1
	}
}
