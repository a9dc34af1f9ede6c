package kv_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/internal/typetest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// TestStates keeps the states of recurrent layers beside rows.
func TestStates(t *testing.T) {
	q8 := kv.Choice{Type: typetest.ByName("q8_0")}
	layer := kv.Layer{Index: 3, Heads: 2, KeyDim: 64, ValueDim: 64}
	cache := func(sizes ...int) *kv.Cache {
		c := newCache(t, q8, q8, 40, 4, layer)
		rows := c.Bytes()
		for i, n := range sizes {
			if got := c.AddState(i, n); got != i {
				t.Fatalf("state %d is number %d", i, got)
			}
			rows += 4 * n
		}
		if c.Bytes() != rows {
			t.Errorf("%d bytes, want %d", c.Bytes(), rows)
		}
		return c
	}
	a := cache(5, 3000)
	for range 3 {
		fill(t, a, 4)
	}
	for i := range 2 {
		for k := range a.State(i) {
			a.State(i)[k] = float32(k) + .5
		}
	}
	var saved bytes.Buffer
	if err := a.Save(&saved, ""); err != nil {
		t.Fatal(err)
	}
	b := cache(5, 3000)
	if err := b.Restore(bytes.NewReader(saved.Bytes()), ""); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if !slices.Equal(a.State(i), b.State(i)) {
			t.Errorf("state %d is not what was saved", i)
		}
	}
	if err := b.Truncate(8); err == nil || !strings.Contains(err.Error(), "from position 12 to 8: layer 0 is recurrent") {
		t.Errorf("went back in a recurrent layer: %v", err)
	}
	if b.Len() != 12 || b.State(0)[1] != 1.5 {
		t.Error("a refusal changed the cache")
	}
	b.Clear()
	if b.State(0)[1] != 0 || b.State(1)[2999] != 0 {
		t.Error("a cleared cache has a state")
	}
	for want, c := range map[string]*kv.Cache{
		"recurrent layers 2":                cache(5),
		"layer 1: values of its state 3000": cache(5, 2999),
	} {
		if err := c.Restore(bytes.NewReader(saved.Bytes()), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %s", err, want)
		}
	}
	if err := b.Restore(bytes.NewReader(saved.Bytes()[:saved.Len()-1]), ""); err == nil || b.State(1)[0] != 0 {
		t.Errorf("a state that is cut: %v", err)
	}
}
