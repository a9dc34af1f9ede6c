//go:build emulate || gpu

package model_test

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// These tests run models on a GPU: with the tag gpu on a real one, with the tag emulate on one that
// this processor plays.

var onlyVariants = flag.String("variants", "", "run only variants whose names begin with this on the GPU")

// contextOf is a context with one type in the cache, on a device or, for nil, on the processor.
func contextOf(t *testing.T, c *model.Case, d model.Device, typ string, batch int) *model.Context {
	t.Helper()
	side := kv.Choice{Type: kernels.Default().ByName(typ)}
	plan, err := kv.NewPlan(c.Model.KVLayers(), kv.Policy{K: side, V: side})
	if err != nil {
		t.Fatal(err)
	}
	x, err := c.Model.NewContext(model.Options{Plan: plan, Size: c.Size, Batch: batch, Threads: 1, Placements: whole(d)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

// whole is a model on one device, nil for the processor.
func whole(d model.Device) []model.Placement { return []model.Placement{{Device: d}} }

// farthest is the largest difference of two rows.
func farthest(a, b []float32) (most float64) {
	for i := range a {
		if d := math.Abs(float64(a[i]) - float64(b[i])); !(d <= most) {
			most = d
		}
	}
	return most
}

// TestVariantsOnGPU holds every variant to the other engine's logits, with an exact cache and
// within what the processor may be away.
func TestVariantsOnGPU(t *testing.T) {
	d := openGPU(t)
	model.EachVariant(t, func(t *testing.T, c *model.Case) {
		if !strings.HasPrefix(c.Name, *onlyVariants) {
			t.Skip("another was asked for")
		}
		x := contextOf(t, c, d, "f32", 64)
		first := len(c.Tokens) - len(c.Want)
		err := x.Eval(c.Tokens, first, func(i int, l []float32) error {
			if d := farthest(l, c.Want[i-first]); !(d <= c.Most) {
				t.Errorf("token %d: %.2g, allowed %.2g", i, d, c.Most)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestOddShapesOnGPU holds files that are laid out as few are to the processor's logits.
func TestOddShapesOnGPU(t *testing.T) {
	d := openGPU(t)
	for _, c := range model.OddShapes(t) {
		x := contextOf(t, c, d, "f32", 16)
		err := x.Eval(c.Tokens, 0, func(i int, l []float32) error {
			if d := farthest(l, c.Want[i]); !(d <= c.Most) {
				t.Errorf("%s, token %d: %.2g, allowed %.2g", c.Name, i, d, c.Most)
			}
			return nil
		})
		if err != nil {
			t.Fatal(c.Name, err)
		}
	}
}

// TestDamagedKeysOnGPU has a model refused whose keys would be NaN: some encoders there store it as
// 0.
func TestDamagedKeysOnGPU(t *testing.T) {
	m := model.DamagedKeys(t)
	side := kv.Choice{Type: kernels.Default().ByName("q8_0")}
	plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: side, V: side})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.NewContext(model.Options{Plan: plan, Size: 16, Placements: whole(openGPU(t))}); err == nil || !strings.Contains(err.Error(), "layer 1: weights of K are no numbers") {
		t.Errorf("%v", err)
	}
}

// TestStatesOnGPU does with recurrent layers on a GPU what a conversation does, beside the
// processor: it goes back to the start, drops the oldest positions, fails, and is saved on one and
// restored on the other.
func TestStatesOnGPU(t *testing.T) {
	gpu := openGPU(t)
	c := model.ReadCase(t, "qwen35moe")
	d, h := contextOf(t, c, gpu, "f16", 16), contextOf(t, c, nil, "f16", 16)
	both := func(what string, f func(x *model.Context) error) {
		t.Helper()
		if a, b := f(d), f(h); a != nil || b != nil {
			t.Fatalf("%s: %v on the device, %v on the processor", what, a, b)
		}
	}
	same := func(what string, tokens []int32) []float32 {
		t.Helper()
		a, err := d.Prefill(tokens)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		b, err := h.Prefill(tokens)
		if err != nil {
			t.Fatal(err)
		}
		if m := farthest(a, b); !(m <= 5e-4) {
			t.Errorf("%s: %.2g from the processor", what, m)
		}
		return slices.Clone(a)
	}
	first := same("a prompt", c.Tokens[:37])
	same("a token", c.Tokens[37:38])
	if err := d.Truncate(20); err == nil || !strings.Contains(err.Error(), "recurrent") {
		t.Errorf("going back: %v", err)
	}
	same("a token after a refusal", c.Tokens[38:39])
	both("going back to the start", func(x *model.Context) error { return x.Truncate(0) })
	if again := same("the prompt again", c.Tokens[:37]); !slices.Equal(again, first) {
		t.Errorf("the prompt again differs by %.2g from the first time", farthest(again, first))
	}
	both("a shift", func(x *model.Context) error { return x.Shift(0, 10) })
	after := same("after a shift", c.Tokens[37:39])

	var saved, fromHost bytes.Buffer
	if err := errors.Join(d.Save(&saved), h.Save(&fromHost)); err != nil {
		t.Fatal(err)
	}
	d, h = contextOf(t, c, gpu, "f16", 16), contextOf(t, c, nil, "f16", 16)
	if err := errors.Join(d.Restore(&fromHost), h.Restore(&saved)); err != nil {
		t.Fatal(err)
	}
	for i := range 3 { // by a graph, too
		same("restored from the other", c.Tokens[39+i:40+i])
	}
	if next := same("and more", c.Tokens[45:50]); slices.Equal(next, after) {
		t.Error("nothing depends on the tokens")
	}

	failed := errors.New("failed")
	both("an error", func(x *model.Context) error {
		if err := x.Eval(c.Tokens[20:40], 10, func(int, []float32) error { return failed }); err != failed {
			return err
		}
		return nil
	})
	if again := same("the prompt after an error", c.Tokens[:37]); !slices.Equal(again, first) {
		t.Errorf("the prompt after an error differs by %.2g from the first time", farthest(again, first))
	}
	var empty bytes.Buffer
	d.Clear()
	if err := d.Save(&empty); err != nil {
		t.Fatal(err)
	}
	h.Clear()
	if err := h.Restore(&empty); err != nil {
		t.Fatal(err)
	}
	for i := range h.Cache.States() {
		if slices.ContainsFunc(h.Cache.State(i), func(v float32) bool { return v != 0 }) {
			t.Errorf("state %d of an empty context is not zero", i)
		}
	}
}
