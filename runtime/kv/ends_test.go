package kv_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/internal/typetest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// endsCache makes a cache of one full and one sliding layer that keep exact ends.
func endsCache(t testing.TB, c kv.Choice, e kv.Ends, size, batch int) *kv.Cache {
	t.Helper()
	layer := kv.Layer{Heads: 2, KeyDim: 64, ValueDim: 64}
	sliding := layer
	sliding.Window = 12
	plan, err := kv.NewPlan([]kv.Layer{layer, sliding}, kv.Policy{K: c, V: c, Ends: e})
	if err != nil {
		t.Fatal(err)
	}
	x, err := kv.New(plan, size, batch)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// fillSteps fills layers that keep exact ends. After each step it calls see.
func fillSteps(t testing.TB, c *kv.Cache, n int, see func(layer, end int)) {
	t.Helper()
	p := c.Len()
	if err := c.Place(n); err != nil {
		t.Fatal(err)
	}
	var ws kernels.Workspace
	for i := range c.Plan.Layers {
		r := c.Rows(i)
		for lo := 0; lo < n; {
			m := r.Next()
			if m < 1 || lo+m > n {
				t.Fatalf("a step of %d tokens after %d of %d", m, lo, n)
			}
			for h := range r.Shares() { // one by one, as several goroutines would
				r.Store(&ws, rows(1, p+lo, m, 128), 128, rows(2, p+lo, m, 128), 128, h, h+1)
			}
			lo += m
			if see != nil {
				see(i, p+lo)
			}
		}
	}
}

// where returns, for every position below end, its segment as a digit. It fails where a position is
// in two.
func where(t testing.TB, c *kv.Cache, layer, end int) string {
	t.Helper()
	at := bytes.Repeat([]byte("."), end)
	for k, s := range c.Rows(layer).Segments() {
		for cell, p := range s.K.Cells.Pos() {
			if p < 0 {
				continue
			}
			if int(p) >= end || at[p] != '.' {
				t.Fatalf("cell %d of segment %d holds position %d of %d, %s", cell, k, p, end, at)
			}
			at[p] = "pe"[k]
		}
	}
	return string(at)
}

// holdsAll compares the rows of all segments with what fill stored.
func holdsAll(t *testing.T, c *kv.Cache, tolerances [2]float64) {
	t.Helper()
	for i := range c.Plan.Layers {
		for k, s := range c.Rows(i).Segments() {
			holds(t, s.K, 1, tolerances[k])
			holds(t, s.V, 2, tolerances[k])
		}
	}
}

// TestEnds stores rows in batches of all sizes: each position is in one segment, the first and the
// last are exact, and which ones are exact does not depend on the batches.
func TestEnds(t *testing.T) {
	for _, typ := range cacheTypes() {
		for _, e := range []kv.Ends{{First: 4, Last: 10}, {First: 0, Last: 1}, {First: 3}, {First: 70, Last: 5}, {First: 5, Last: 60}} {
			want := map[[2]int]string{}
			for _, batches := range [][]int{{1}, {7}, {60}, {13, 1, 1, 29, 8}} {
				c := endsCache(t, kv.Choice{Type: typ}, e, 64, 64)
				see := func(layer, end int) {
					at := where(t, c, layer, end)
					for p := range end {
						exact := p < e.First || end-p <= e.Last
						if layer == 0 && (at[p] == '.' || exact && at[p] != 'e') {
							t.Fatalf("%s, %+v: position %d of %s", typ.Name, e, p, at)
						}
						if end-p <= 12 && at[p] == '.' {
							t.Fatalf("%s, %+v: position %d is in the window: %s", typ.Name, e, p, at)
						}
					}
					if n := strings.Count(at, "e"); n > e.First+e.Last+8 {
						t.Fatalf("%+v: %d exact rows: %s", e, n, at)
					}
					if layer == 1 {
						// what a window has beyond itself depends on the batch
						at = at[max(0, end-12):]
					}
					key := [2]int{layer, end}
					if batches[0] == 1 && len(batches) == 1 {
						want[key] = at
					} else if want[key] != at {
						t.Fatalf("%s, %+v, batches of %d: before position %d the layer holds\n%s, in batches of one\n%s", typ.Name, e, batches, end, at, want[key])
					}
				}
				for i := 0; c.Len() < 60; i++ {
					fillSteps(t, c, min(batches[i%len(batches)], 60-c.Len()), see)
				}
				holdsAll(t, c, [2]float64{tolerance(typ), 1e-6})
				if c.Bytes() != c.Plan.Bytes(64, 64) {
					t.Fatalf("the cache has %d bytes, the plan says %d", c.Bytes(), c.Plan.Bytes(64, 64))
				}
			}
		}
	}
}

// TestEndsTruncate goes back into the exact rows, to before them, and on.
func TestEndsTruncate(t *testing.T) {
	for _, to := range []int{59, 50, 48, 33, 5, 2, 0} {
		c := endsCache(t, choice("q4_0"), kv.Ends{First: 4, Last: 10}, 64, 64)
		fillSteps(t, c, 60, nil)
		before := where(t, c, 0, 60)
		if err := c.Truncate(to); err != nil {
			if to != 0 && to < 50 { // the window has moved on
				continue
			}
			t.Fatal(err)
		}
		if at := where(t, c, 0, to); at != before[:to] {
			t.Fatalf("%s, truncated to %d: %s", before, to, at)
		}
		for c.Len() < 64 {
			fillSteps(t, c, min(9, 64-c.Len()), func(layer, end int) {
				if at := where(t, c, layer, end); layer == 0 && strings.Contains(at, ".") || !strings.HasSuffix(at, "e") {
					t.Fatalf("truncated to %d, then: %s", to, at)
				}
			})
		}
		holdsAll(t, c, [2]float64{.3, 1e-6})
	}
}

// TestEndsShift drops positions from every part of the context. Rows are made from their numbers,
// so rotating a key from p to p-d is to replace it by that of p-d. Values stay those of their old
// positions.
func TestEndsShift(t *testing.T) {
	for _, e := range []kv.Ends{{First: 4, Last: 10}, {First: 4}, {Last: 3}, {First: 2, Last: 60}} {
		for _, s := range [][2]int{{4, 5}, {0, 3}, {2, 10}, {20, 20}, {0, 58}, {50, 8}, {30, 30}, {4, 52}} {
			c := endsCache(t, choice("q8_0"), e, 64, 64)
			fillSteps(t, c, 60, nil)
			keep, discard := s[0], s[1]
			err := c.Shift(keep, discard, func(l int, k []float32, delta int) {
				for p := keep + discard; p < 60; p++ {
					for h := range 2 {
						if near(k, rows(1, p, 1, 128)[h*64:][:64], 1e-3) {
							copy(k, rows(1, p-discard, 1, 128)[h*64:])
							return
						}
					}
				}
				t.Fatalf("%+v, %v: a key that was never stored", e, s)
			})
			if err != nil {
				t.Fatal(err)
			}
			at := where(t, c, 0, 60-discard)
			if strings.Contains(at, ".") {
				t.Fatalf("%+v, %v: %s", e, s, at)
			}
			var ws kernels.Workspace
			got := make([]float32, 64)
			for i := range 2 {
				for _, seg := range c.Rows(i).Segments() {
					holds(t, seg.K, 1, 1e-3)
					for cell, p := range seg.V.Cells.Pos() {
						if int(p) >= keep {
							p += int32(discard)
						}
						if p < 0 {
							continue
						}
						if seg.V.Read(&ws, got, 1, cell); !near(got, rows(2, int(p), 1, 128)[64:], 1e-3) {
							t.Fatalf("%+v, %v: cell %d does not hold the values of old position %d", e, s, cell, p)
						}
					}
				}
			}
			for range 3 { // it goes on until it is full, and again
				for c.Len() < 64 {
					fillSteps(t, c, min(11, 64-c.Len()), nil)
				}
				if at := where(t, c, 0, 64); strings.Contains(at, ".") {
					t.Fatalf("%+v, %v, filled: %s", e, s, at)
				}
				for _, seg := range c.Rows(0).Segments() {
					holds(t, seg.K, 1, 1e-3)
				}
				err := c.Shift(keep, discard, func(l int, k []float32, _ int) {
					for p := keep + discard; p < 64; p++ {
						for h := range 2 {
							if near(k, rows(1, p, 1, 128)[h*64:][:64], 1e-3) {
								copy(k, rows(1, p-discard, 1, 128)[h*64:])
								return
							}
						}
					}
					t.Fatalf("%+v, %v: a key that was never stored", e, s)
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestEndsSave brings back both segments and goes on with the same bytes.
func TestEndsSave(t *testing.T) {
	e := kv.Ends{First: 4, Last: 10}
	from, to := endsCache(t, choice("q4_0"), e, 64, 16), endsCache(t, choice("q4_0"), e, 64, 16)
	for range 3 {
		fillSteps(t, from, 13, nil)
	}
	var saved bytes.Buffer
	if err := from.Save(&saved, "m"); err != nil {
		t.Fatal(err)
	}
	if err := to.Restore(bytes.NewReader(saved.Bytes()), "m"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		fillSteps(t, from, 11, nil)
		fillSteps(t, to, 11, nil)
	}
	for i := range 2 {
		a, b := from.Rows(i).Segments(), to.Rows(i).Segments()
		for k := range a {
			for h := range 2 {
				if !bytes.Equal(a[k].K.Head(h), b[k].K.Head(h)) || !bytes.Equal(a[k].V.Head(h), b[k].V.Head(h)) || !slices.Equal(a[k].K.Cells.Pos(), b[k].K.Cells.Pos()) {
					t.Errorf("layer %d, segment %d, head %d is not what was saved", i, k, h)
				}
			}
		}
	}
	for what, other := range map[string]kv.Ends{"first rows exact 4": {First: 3, Last: 10}, "last rows exact 10": {First: 4, Last: 9}} {
		err := endsCache(t, choice("q4_0"), other, 64, 16).Restore(bytes.NewReader(saved.Bytes()), "m")
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want it to say %s", err, what)
		}
	}
}

// TestOffsetIdentity refuses a saved cache of another offset, and plans what cannot be.
func TestOffsetIdentity(t *testing.T) {
	layer := kv.Layer{Index: 7, Heads: 1, KeyDim: 32, ValueDim: 32}
	offset := func(v ...float32) *kv.Offset {
		return kv.NewOffset("mean", []kv.LayerOffset{{Mu: v, Why: fmt.Errorf("none was measured")}})
	}
	with := func(o *kv.Offset) kv.Choice { return kv.Choice{Type: typetest.ByName("q4_0"), Offset: o} }
	a, b := make([]float32, 32), make([]float32, 32)
	b[31] = 1
	var saved bytes.Buffer
	c := newCache(t, with(offset(a...)), choice("q4_0"), 8, 4, layer)
	if err := c.Save(&saved, ""); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]*kv.Offset{"other values": offset(b...), "none": nil} {
		err := newCache(t, with(o), choice("q4_0"), 8, 4, layer).Restore(bytes.NewReader(saved.Bytes()), "")
		if err == nil || !strings.Contains(err.Error(), "layer 7, K: offset") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c.Plan.BitsPerValue(0) != 4.5 || c.Plan.BitsPerValue(8) != 4.5+8*4*32./(8*64) {
		t.Errorf("%v and %v bits per value", c.Plan.BitsPerValue(0), c.Plan.BitsPerValue(8))
	}
	for what, p := range map[string]kv.Policy{
		"layer 7, K: the offset mean has 3 values": {K: with(offset(1, 2, 3)), V: with(nil)},
		"no offset mean: none was measured":        {K: with(offset()), V: with(nil)},
		"layer 7, V: values have no offset":        {K: with(nil), V: with(offset(a...))},
		"first -1":                                 {K: with(nil), V: with(nil), Ends: kv.Ends{First: -1}},
		"a float type":                             {K: with(nil), V: with(nil), Ends: kv.Ends{Last: 1, Type: typetest.ByName("q4_0")}},
	} {
		if _, err := kv.NewPlan([]kv.Layer{layer}, p); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want it to say %s", err, what)
		}
	}
	p, err := kv.NewPlan([]kv.Layer{layer}, kv.Policy{K: with(offset()), V: with(nil), Fallback: typetest.ByName("f16")})
	if err != nil || p.Honoured() || p.Layers[0].K.Effective != with(nil) || !strings.Contains(p.Layers[0].K.Why, "none was measured") {
		t.Errorf("with a fallback: %v, %+v", err, p.Layers[0].K)
	}
}

func choice(name string) kv.Choice { return kv.Choice{Type: typetest.ByName(name)} }
