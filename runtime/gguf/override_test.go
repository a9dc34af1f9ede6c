package gguf

import (
	"strings"
	"testing"
)

// TestOverride gives entries other values, kinds among them, and adds one. They are read as those
// of a file, and copied into another.
func TestOverride(t *testing.T) {
	f, err := Open(modelPath(models[0]), testSizes)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	arch, _, _ := f.Str("general.architecture")
	keys := len(f.Keys())
	for key, v := range map[string]any{arch + ".context_length": int64(77), "general.name": "other", "own.float": 2.5, arch + ".block_count": true} {
		if err := f.Override(key, v); err != nil {
			t.Fatal(err)
		}
	}
	if n, ok, err := f.U32(arch + ".context_length"); n != 77 || !ok || err != nil {
		t.Errorf("%d, %t, %v", n, ok, err)
	}
	if s, ok, err := f.Str("general.name"); s != "other" || !ok || err != nil {
		t.Errorf("%q, %t, %v", s, ok, err)
	}
	if x, ok, err := f.F32("own.float"); x != 2.5 || !ok || err != nil || f.Keys()[len(f.Keys())-1] == arch+".context_length" {
		t.Errorf("%v, %t, %v", x, ok, err)
	}
	if got := len(f.Keys()); got < keys+1 {
		t.Errorf("%d keys", got)
	}
	if _, _, err := f.U32(arch + ".block_count"); err == nil || !strings.Contains(err.Error(), "which was overridden, is bool") {
		t.Errorf("got %v", err)
	}
	for key, v := range map[string]any{"general.alignment": int64(64), "": int64(1), "x": []int64{1}} {
		if f.Override(key, v) == nil {
			t.Errorf("%q is overridden by %v", key, v)
		}
	}
	w := NewWriter(nil)
	for _, key := range f.Keys() {
		if err := w.Copy(f, key); err != nil {
			t.Fatal(err)
		}
	}
	header, _, _, err := w.Layout()
	if err != nil {
		t.Fatal(err)
	}
	g, err := Parse(header, testSizes)
	if err != nil {
		t.Fatal(err)
	}
	if s, _, _ := g.Str("general.name"); s != "other" {
		t.Errorf("the copy has %q", s)
	}
}
