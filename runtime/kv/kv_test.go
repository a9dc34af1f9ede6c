package kv_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/internal/typetest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// cacheTypes are the oracle formats that a cache may use.
func cacheTypes() (all []*kernels.Type) {
	for _, t := range typetest.All() {
		if t.KV {
			all = append(all, t)
		}
	}
	return all
}

func newCache(t testing.TB, k, v kv.Choice, size, batch int, layers ...kv.Layer) *kv.Cache {
	t.Helper()
	plan, err := kv.NewPlan(layers, kv.Policy{K: k, V: v, Known: cacheTypes()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := kv.New(plan, size, batch)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rows is n rows of one layer's values, from the positions p..p+n-1 alone.
func rows(seed uint64, p, n, width int) []float32 {
	var x []float32
	for i := range n {
		r := rand.New(rand.NewPCG(seed, uint64(p+i)))
		for range width {
			x = append(x, float32(r.NormFloat64()))
		}
	}
	return x
}

// fill places n positions and stores rows of them in every layer.
func fill(t testing.TB, c *kv.Cache, n int) {
	t.Helper()
	p := c.Len()
	if err := c.Place(n); err != nil {
		t.Fatal(err)
	}
	var ws kernels.Workspace
	for i := range c.Plan.Layers {
		l := c.Layer(i)
		l.K.Store(&ws, rows(1, p, n, l.K.Heads*l.K.Dim), l.K.Heads*l.K.Dim, 0, n)
		l.V.Store(&ws, rows(2, p, n, l.V.Heads*l.V.Dim), l.V.Heads*l.V.Dim, 0, n)
	}
}

// holds compares every cell of a side with the rows that fill stored, within a share of their size.
func holds(t *testing.T, s *kv.Side, seed uint64, tolerance float64) {
	t.Helper()
	var ws kernels.Workspace
	got := make([]float32, s.Dim)
	for cell, p := range s.Cells.Pos() {
		if p < 0 {
			continue
		}
		want := rows(seed, int(p), 1, s.Heads*s.Dim)
		for h := range s.Heads {
			s.Read(&ws, got, h, cell)
			var err, size float64
			for i, w := range want[h*s.Dim : (h+1)*s.Dim] {
				err += math.Pow(float64(got[i]-w), 2)
				size += float64(w) * float64(w)
			}
			if !(err <= tolerance*size) {
				t.Fatalf("%s, position %d in cell %d, head %d: relative error %.3g, allowed %.3g", s.Type.Name, p, cell, h, err/size, tolerance)
			}
		}
	}
}

// tolerance is a bound on the relative squared error of a type, and enough to tell any row from
// another.
func tolerance(typ *kernels.Type) float64 {
	if !typ.Quantised {
		return 1e-4
	}
	return .3
}

func TestStoreAndRead(t *testing.T) {
	for _, typ := range cacheTypes() {
		for _, rot := range []*kernels.Rotation{nil, typetest.Attn()} {
			c := kv.Choice{Type: typ, Rotation: rot}
			for _, dim := range []int{40, 64, 80, 128, 256} {
				layer := kv.Layer{Heads: 3, KeyDim: dim, ValueDim: dim}
				if _, err := kv.NewPlan([]kv.Layer{layer}, kv.Policy{K: c, V: c}); err != nil {
					continue // TestPlan holds the rules
				}
				sliding := layer
				sliding.Window = 7
				x := newCache(t, c, c, 40, 8, layer, sliding)
				for _, n := range []int{1, 8, 5, 1, 1, 8, 8, 3} {
					fill(t, x, n)
				}
				for i := range 2 {
					holds(t, x.Layer(i).K, 1, tolerance(typ))
					holds(t, x.Layer(i).V, 2, tolerance(typ))
				}
				seen := 0
				for _, p := range x.Layer(1).K.Cells.Pos() {
					if int(p) >= x.Len()-7 {
						seen++
					}
				}
				if seen != 7 || len(x.Layer(1).K.Cells.Pos()) != 15 {
					t.Fatalf("window of 7 in batches of 8: %d of its positions in %d cells", seen, len(x.Layer(1).K.Cells.Pos()))
				}
			}
		}
	}
}

func TestTruncate(t *testing.T) {
	f16 := kv.Choice{Type: typetest.ByName("f16")}
	full, sliding := kv.Layer{Heads: 1, KeyDim: 8, ValueDim: 8}, kv.Layer{Heads: 1, KeyDim: 8, ValueDim: 8, Window: 4}
	c := newCache(t, f16, f16, 100, 8, full, sliding)
	for range 5 {
		fill(t, c, 8)
	}
	if err := c.Truncate(20); err == nil || !strings.Contains(err.Error(), "sliding window") {
		t.Fatalf("going back beyond the window: %v", err)
	}
	if c.Len() != 40 {
		t.Fatalf("a refused truncation left %d positions", c.Len())
	}
	if err := c.Truncate(35); err != nil {
		t.Fatal(err)
	}
	fill(t, c, 3)
	fill(t, c, 8)
	for i := range 2 {
		holds(t, c.Layer(i).K, 1, 1e-4)
		holds(t, c.Layer(i).V, 2, 1e-4)
	}
	if n := len(c.Layer(0).K.Cells.Pos()); n != 46 {
		t.Fatalf("%d cells for 46 positions", n)
	}
	if err := c.Truncate(0); err != nil || c.Len() != 0 {
		t.Fatal(err)
	}
	if err := c.Truncate(1); err == nil {
		t.Fatal("truncated an empty cache to 1")
	}
}

func TestShift(t *testing.T) {
	for _, typ := range cacheTypes() {
		for _, rot := range []*kernels.Rotation{nil, typetest.Attn()} {
			if rot != nil && !typ.Quantised {
				continue
			}
			c := kv.Choice{Type: typ, Rotation: rot}
			layer := kv.Layer{Heads: 2, KeyDim: 64, ValueDim: 64}
			sliding := layer
			sliding.Window = 10
			x := newCache(t, c, c, 30, 8, layer, sliding)
			for range 3 {
				fill(t, x, 8)
			}
			// Rotating a key of fill from position p to p-d here means to replace it by fill's key
			// of p-d: each position's rows come from its number. Keys that were not decoded as they
			// were stored are not found.
			roped := 0
			var want []float32
			var ws kernels.Workspace
			err := x.Shift(3, 5, func(l int, k []float32, delta int) {
				if delta != -5 {
					t.Fatalf("roped by %d", delta)
				}
				for p := 8; p < 24; p++ {
					for h := range 2 {
						if want = rows(1, p, 1, 128)[h*64:][:64]; near(k, want, tolerance(typ)) {
							copy(k, rows(1, p-5, 1, 128)[h*64:])
							roped++
							return
						}
					}
				}
				t.Fatalf("%s: a key of layer %d that was never stored", typ.Name, l)
			})
			if err != nil {
				t.Fatal(err)
			}
			if x.Len() != 19 || roped != 2*16+2*16 {
				t.Fatalf("%s: %d positions, %d keys roped", typ.Name, x.Len(), roped)
			}
			for i := range 2 {
				holds(t, x.Layer(i).K, 1, tolerance(typ))
			}
			// Values move as they are.
			v, got := x.Layer(0).V, make([]float32, 64)
			for cell, p := range v.Cells.Pos() {
				if p < 0 {
					continue
				}
				if p >= 3 {
					p += 5
				}
				if v.Read(&ws, got, 1, cell); !near(got, rows(2, int(p), 1, 128)[64:], tolerance(typ)) {
					t.Fatalf("%s: cell %d does not hold the values of old position %d", typ.Name, cell, p)
				}
			}
			fill(t, x, 8)
			holds(t, x.Layer(0).K, 1, tolerance(typ))
			holds(t, x.Layer(1).K, 1, tolerance(typ))
			if n := taken(x.Layer(0).K.Cells); n != 27 {
				t.Fatalf("%s: %d cells for 27 positions", typ.Name, n)
			}
		}
	}
}

// taken is the number of cells with a row.
func taken(c *kv.Cells) int {
	n := 0
	for _, p := range c.Pos() {
		if p >= 0 {
			n++
		}
	}
	return n
}

func near(a, b []float32, tolerance float64) bool {
	var err, size float64
	for i := range a {
		err += math.Pow(float64(a[i]-b[i]), 2)
		size += float64(b[i]) * float64(b[i])
	}
	return err <= tolerance*size
}

// TestPaddingIsZero stores rows by a workspace in which another side left its values: what follows
// a padded head must not reach the codes.
func TestPaddingIsZero(t *testing.T) {
	padded := 0
	for _, typ := range cacheTypes() {
		c := kv.Choice{Type: typ}
		layer := kv.Layer{Heads: 2, KeyDim: 40, ValueDim: 40}
		if typ.Fits(40) != nil || typ.HeadDim(40) == 40 {
			continue
		}
		padded++
		var heads [2][]byte
		for i := range heads {
			x := newCache(t, c, c, 8, 4, layer)
			for _, n := range []int{1, 3} {
				var ws kernels.Workspace
				left := ws.Floats(4 * 2 * typ.HeadDim(40))
				for k := range left {
					left[k] = float32(7 * i)
				}
				if err := x.Place(n); err != nil {
					t.Fatal(err)
				}
				x.Layer(0).K.Store(&ws, rows(1, x.Len()-n, n, 80), 80, 0, n)
			}
			heads[i] = x.Layer(0).K.Head(1)
		}
		if !bytes.Equal(heads[0], heads[1]) {
			t.Errorf("%s: rows depend on what the workspace held", typ.Name)
		}
	}
	if padded == 0 {
		t.Error("no type pads")
	}
}
