package kv_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/runtime/internal/typetest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// inOrder looks at all positions.
func inOrder(pos []int32) (first int32, ok bool) {
	ok = true
	for i, p := range pos {
		if i == 0 {
			first = p
		}
		ok = ok && p >= 0 && p == first+int32(i)
	}
	return first, ok
}

// TestOrdered fills, cuts and shifts caches at random: cells that say they are in order are, and
// lists always say so.
func TestOrdered(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, e := range []kv.Ends{{}, {First: 3}, {Last: 9}, {First: 2, Last: 20}, {First: 5, Last: 60}} {
		for range 20 {
			layers := []kv.Layer{{Heads: 1, KeyDim: 32, ValueDim: 32}, {Heads: 1, KeyDim: 32, ValueDim: 32, Window: 12}}
			c := kv.Choice{Type: typetest.ByName("q8_0")}
			plan, err := kv.NewPlan(layers, kv.Policy{K: c, V: c, Ends: e})
			if err != nil {
				t.Fatal(err)
			}
			x, err := kv.New(plan, 60, 7)
			if err != nil {
				t.Fatal(err)
			}
			disorder := 0
			for range 40 {
				switch n := 1 + r.IntN(7); {
				case r.IntN(5) == 0 && x.Len() > 0:
					x.Truncate(x.Len() - r.IntN(min(4, x.Len()+1))) // may be refused
				case x.Len()+n > 60:
					if err := x.Shift(4, 1+r.IntN(30), func(int, []float32, int) {}); err != nil {
						t.Fatal(err)
					}
				default:
					fill32(t, x, n)
				}
				for i := range layers {
					for k, s := range x.Rows(i).Segments() {
						first, ok := s.K.Cells.Ordered()
						wantFirst, want := inOrder(s.K.Cells.Pos())
						if ok && (!want || first != wantFirst) {
							t.Fatalf("ends %v, layer %d, segment %d: in order %t from %d on, of %d", e, i, k, ok, first, s.K.Cells.Pos())
						}
						if !ok {
							disorder++
							if i == 0 && k == 0 {
								t.Fatalf("ends %v: a list with %d", e, s.K.Cells.Pos())
							}
						}
					}
				}
			}
			if disorder == 0 {
				t.Errorf("ends %v: everything was always in order", e)
			}
		}
	}
}

// fill32 gives the next n positions to all layers.
func fill32(t *testing.T, c *kv.Cache, n int) {
	t.Helper()
	if err := c.Place(n); err != nil {
		t.Fatal(err)
	}
	for i := range c.Plan.Layers {
		for r, lo := c.Rows(i), 0; r.Exact() && lo < n; {
			lo += r.Next()
		}
	}
}

// TestRestoreOrders changes the order of positions in a saved cache: restored they are in order,
// which readers rely on.
func TestRestoreOrders(t *testing.T) {
	c := kv.Choice{Type: typetest.ByName("q8_0")}
	x := newCache(t, c, c, 20, 6, kv.Layer{Heads: 1, KeyDim: 32, ValueDim: 32})
	fill(t, x, 6)
	var saved bytes.Buffer
	if err := x.Save(&saved, ""); err != nil {
		t.Fatal(err)
	}
	list := func(pos ...int32) (b []byte) {
		for _, p := range pos {
			b = binary.LittleEndian.AppendUint32(b, uint32(p))
		}
		return b
	}
	for _, changed := range [][]byte{list(1, 0, 2, 3, 4, 5), list(0, 1, 2, 4, 3, 5)} {
		text := bytes.Replace(saved.Bytes(), list(0, 1, 2, 3, 4, 5), changed, 1)
		if bytes.Equal(text, saved.Bytes()) {
			t.Fatal("the positions are not where they were")
		}
		err := x.Restore(bytes.NewReader(text), "")
		if first, ok := x.Layer(0).K.Cells.Ordered(); err != nil || !ok || first != 0 || x.Len() != 6 {
			t.Errorf("positions %v: %v; in order %t from %d on", changed, err, ok, first)
		}
	}
	if err := x.Restore(&saved, ""); err != nil {
		t.Error(err)
	}
}
