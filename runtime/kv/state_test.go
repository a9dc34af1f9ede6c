package kv_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/internal/typetest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// TestSaveRestoreTypes brings back the very bytes of every type, padded, rotated and in a sliding
// window that has gone round.
func TestSaveRestoreTypes(t *testing.T) {
	for _, typ := range cacheTypes() {
		for _, rot := range []*kernels.Rotation{nil, typetest.Attn()} {
			c := kv.Choice{Type: typ, Rotation: rot}
			layer := kv.Layer{Heads: 2, KeyDim: 64, ValueDim: 64}
			sliding := layer
			sliding.Window = 6
			if _, err := kv.NewPlan([]kv.Layer{layer}, kv.Policy{K: c, V: c}); err != nil {
				continue // TestPlanRefusals holds the rules
			}
			from, to := newCache(t, c, c, 40, 4, layer, sliding), newCache(t, c, c, 40, 4, layer, sliding)
			for range 4 {
				fill(t, from, 4)
			}
			fill(t, to, 3) // to be replaced
			var saved bytes.Buffer
			if err := from.Save(&saved, ""); err != nil {
				t.Fatal(err)
			}
			if err := to.Restore(&saved, ""); err != nil {
				t.Fatalf("%s: %v", c, err)
			}
			for i := range 2 {
				holds(t, to.Layer(i).K, 1, tolerance(typ))
				holds(t, to.Layer(i).V, 2, tolerance(typ))
			}
			fill(t, from, 3) // the ring goes on where it was
			fill(t, to, 3)
			for i := range 2 {
				for h := range 2 {
					if !bytes.Equal(from.Layer(i).K.Head(h), to.Layer(i).K.Head(h)) || !bytes.Equal(from.Layer(i).V.Head(h), to.Layer(i).V.Head(h)) {
						t.Errorf("%s: layer %d, head %d is not what was saved", c, i, h)
					}
				}
			}
		}
	}
}

func TestSaveRestore(t *testing.T) {
	q8, turbo := kv.Choice{Type: typetest.ByName("q8_0")}, kv.Choice{Type: typetest.ByName("turbo4")}
	full, sliding := kv.Layer{Heads: 2, KeyDim: 64, ValueDim: 64}, kv.Layer{Index: 1, Heads: 2, KeyDim: 64, ValueDim: 64, Window: 6}
	c := newCache(t, q8, turbo, 40, 4, full, sliding)
	for range 5 {
		fill(t, c, 4)
	}
	var saved bytes.Buffer
	if err := c.Save(&saved, "model A"); err != nil {
		t.Fatal(err)
	}
	d := newCache(t, q8, turbo, 40, 4, full, sliding)
	if err := d.Restore(bytes.NewReader(saved.Bytes()), "model A"); err != nil {
		t.Fatal(err)
	}
	if d.Len() != 20 {
		t.Fatalf("%d positions", d.Len())
	}
	for _, x := range []*kv.Cache{c, d} {
		fill(t, x, 4)
	}
	for i := range 2 {
		for h := range 2 {
			if !bytes.Equal(c.Layer(i).K.Head(h), d.Layer(i).K.Head(h)) || !bytes.Equal(c.Layer(i).V.Head(h), d.Layer(i).V.Head(h)) {
				t.Fatalf("layer %d, head %d differs after a restore and one more batch", i, h)
			}
		}
	}

	other := *turbo.Type
	other.Identity = "another codebook"
	for want, x := range map[string]*kv.Cache{
		`layer 0, V: type "turbo4"`: newCache(t, q8, q8, 40, 4, full, sliding),
		`layer 0, V: rotation ""`:   newCache(t, q8, kv.Choice{Type: turbo.Type, Rotation: typetest.Attn()}, 40, 4, full, sliding),
		`identity of type turbo4`:   newCache(t, q8, kv.Choice{Type: &other}, 40, 4, full, sliding),
		`layers 2`:                  newCache(t, q8, turbo, 40, 4, full),
		`20 positions`:              newCache(t, q8, turbo, 10, 4, full, sliding),
	} {
		err := x.Restore(bytes.NewReader(saved.Bytes()), "model A")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %s", err, want)
		}
		if x.Len() != 0 {
			t.Errorf("%d positions after a refusal", x.Len())
		}
	}
	if err := d.Restore(bytes.NewReader(saved.Bytes()), "model B"); err == nil {
		t.Error("restored the cache of another model")
	}
	for _, cut := range []int{0, 1, 8, 20, 100, saved.Len() / 2, saved.Len() - 1} {
		if err := d.Restore(bytes.NewReader(saved.Bytes()[:cut]), "model A"); err == nil {
			t.Errorf("restored a cache cut at %d", cut)
		}
	}
	if err := d.Restore(bytes.NewReader(append(saved.Bytes(), 0)), "model A"); err == nil {
		t.Error("restored a cache with a byte too many")
	}
}

// FuzzRestore feeds damaged caches, with and without exact rows, of one sequence and of several:
// none may panic or hang, and none may leave more positions than fit.
func FuzzRestore(f *testing.F) {
	full, sliding := kv.Layer{Heads: 1, KeyDim: 32, ValueDim: 32}, kv.Layer{Heads: 1, KeyDim: 32, ValueDim: 32, Window: 2}
	c := newCache(f, choice("q4_0"), choice("q4_0"), 8, 2, full, sliding)
	c.AddState(0, 3)
	fill(f, c, 2)
	fill(f, c, 2)
	e := endsCache(f, choice("q4_0"), kv.Ends{First: 1, Last: 2}, 24, 16)
	fillSteps(f, e, 15, nil)
	s := fewSequences(f)
	for _, x := range []*kv.Cache{c, e, s} {
		var saved bytes.Buffer
		if err := x.Save(&saved, "m"); err != nil {
			f.Fatal(err)
		}
		f.Add(saved.Bytes())
		f.Add(saved.Bytes()[:40])
		// rows without numbers: the last bytes are values, of f16 where rows are exact
		damaged := bytes.Clone(saved.Bytes())
		for i := len(damaged) - len(damaged)/4; i < len(damaged); i++ {
			damaged[i] = 0xff
		}
		f.Add(damaged)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := c.Restore(bytes.NewReader(data), "m"); err == nil && c.Len() < 8 {
			fill(t, c, 1)
		}
		if err := e.Restore(bytes.NewReader(data), "m"); err == nil {
			for e.Len() < 24 {
				fillSteps(t, e, 1, nil)
			}
			// exact rows that are no numbers are found when they are packed
			var fault *kv.Fault
			if err := e.Shift(1, 6, func(int, []float32, int) {}); err == nil {
				fillSteps(t, e, 5, nil)
			} else if !errors.As(err, &fault) {
				t.Fatal(err)
			}
		}
		if err := s.Restore(bytes.NewReader(data), "m"); err == nil {
			goOn(t, s)
		}
		if c.Len() > 8 || e.Len() > 24 {
			t.Fatalf("%d positions in a cache of 8, %d in one of 24", c.Len(), e.Len())
		}
	})
}

// fewSequences is a small cache of three sequences, two of which share rows.
func fewSequences(t testing.TB) *kv.Cache {
	layers, p := sequenceLayers(kv.Ends{First: 1, Last: 2})
	plan, err := kv.NewPlan(layers[1:], p)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kv.NewShape(plan, kv.Shape{Size: 24, Batch: 12, Sequences: 3, Cells: 40})
	if err != nil {
		t.Fatal(err)
	}
	c.Hold()
	place := func(runs ...kv.Run) {
		n := 0
		for _, r := range runs {
			n += r.N
		}
		if err := c.PlaceRuns(runs); err != nil {
			t.Fatal(err)
		}
		store(t, c, make([]*row, n))
	}
	place(kv.Run{Seq: 0, N: 12})
	if err := c.CopySeq(0, 2); err != nil {
		t.Fatal(err)
	}
	place(kv.Run{Seq: 2, N: 7}, kv.Run{Seq: 1, N: 4})
	return c
}

// goOn does what can be done to sequences whatever they hold: each may be refused and none may
// panic.
func goOn(t testing.TB, c *kv.Cache) {
	for seq := range 3 {
		for c.PlaceRuns([]kv.Run{{Seq: seq, N: 3}}) == nil {
			store(t, c, make([]*row, 3))
		}
		c.CopySeq(seq, (seq+1)%3)
		c.ShiftSeq(seq, 1, 4, ropeFirst)
		if n := c.InUse(); n > 40 {
			t.Fatalf("%d rows in 40 cells", n)
		}
	}
	c.TruncateSeq(1, 3)
	c.KeepSeq(0)
	c.RemoveSeq(0)
	if n := c.InUse(); n != 0 {
		t.Fatalf("%d rows of no sequence", n)
	}
}
