//go:build emulate || gpu

package cuda

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

// TestMove stores rows of every type, takes them out as a file has them, reads them as numbers and puts them into other cells.
func TestMove(t *testing.T) {
	d, c := gpu(t)
	const heads, n = 2, 3
	for i, typ := range kernels.Types() {
		if !typ.KV {
			continue
		}
		dim := []int{64, 128, 192, 96}[i%4]
		if typ.Fits(dim) != nil {
			dim = 128
		}
		key := i%3 > 0
		s := choiceSide(typ.Name, "attn32", dim)
		r := must[*Rows](t)(d.NewRows(c, s, key, heads, 64))
		x := normal(uint64(i), n*heads*dim)
		x[5] = 0
		for k := range dim { // a row of zeros
			x[2*dim+k] = 0
		}
		want := encoded(s, x)
		cells := []int32{9, 63, 0}
		at := upload(t, d, cells)
		check(t, r.Store(upload(t, d, x), at, n, nil))
		if got := exported(t, d, r, cells); !bytes.Equal(got, want) {
			t.Errorf("%s, keys %t: exported rows are\n%x, want\n%x", typ.Name, key, got, want)
		}
		out := upload(t, d, make([]float32, len(x)))
		check(t, r.Read(out, at, n))
		sameBits(t, typ.Name+" read", read(t, out, len(x)), decoded(s, want))

		other := []int32{1, -1, 64}
		check(t, r.Import(upload(t, d, want), upload(t, d, other), n))
		row := heads * r.FileRow()
		if got := exported(t, d, r, other[:1]); !bytes.Equal(got, want[:row]) {
			t.Errorf("%s: an imported row is %x, want %x", typ.Name, got, want[:row])
		}
		check(t, r.Free())
	}
}

// TestShift drops positions of caches in the way that package kv does, and compares every row.
func TestShift(t *testing.T) {
	d, c := gpu(t)
	for _, s := range []setting{
		{name: "list", size: 100, batch: 30, layer: attention.Layer{Heads: 2, KVHeads: 2, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: choice("turbo3", ""), V: choice("q4_0", "")}},
		{name: "ends", size: 100, batch: 30, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: choice("q4_1", "attn32"), V: choice("f16", ""), Ends: kv.Ends{First: 3, Last: 10}}},
		{name: "ring", size: 100, batch: 10, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64, Window: 20}, policy: kv.Policy{K: choice("f16", ""), V: choice("lm3_32", "")}},
	} {
		t.Run(s.name, func(t *testing.T) {
			w := newTwin(t, d, c, s)
			w.fill(70, s.batch)
			const keep, discard, pairs = 8, 23, 20
			freq := geometric(pairs, 10000)
			var cos, sin []float32
			for _, f := range freq {
				s, c := math.Sincos(-discard * f)
				cos, sin = append(cos, float32(c)), append(sin, float32(s))
			}
			by := Angle{Pairing{pairs, false}, upload(t, d, cos), upload(t, d, sin)}
			segments := w.cache.Rows(0).Segments()
			var before []map[int32]int32 // by segment: cells of positions
			for _, p := range segments {
				before = append(before, cellsOf(p.K.Cells))
			}
			check(t, w.cache.Shift(keep, discard, func(_ int, x []float32, delta int) { cpu.RopeHalves(x, cos, sin) }))
			for i, p := range segments {
				var from, to []int32
				after := cellsOf(p.K.Cells)
				for at := int32(keep); at < 100; at++ { // in order, so that no row is written over before it has moved
					if cell, ok := after[at]; ok {
						from, to = append(from, before[i][at+discard]), append(to, cell)
					}
				}
				if len(from) == 0 {
					continue
				}
				g := w.gpu.segments()[i]
				for lo := 0; lo < len(from); lo += 7 { // in pieces
					n := min(7, len(from)-lo)
					at, dest := upload(t, d, from[lo:lo+n]), upload(t, d, to[lo:lo+n])
					keys := must[*Memory](t)(d.Alloc(uint64(n * g.Keys.Heads * g.Keys.FileRow())))
					values := must[*Memory](t)(d.Alloc(uint64(n * g.Values.Heads * g.Values.FileRow())))
					check(t, g.Keys.Turn(keys, at, n, by))
					check(t, g.Keys.Import(keys, dest, n))
					check(t, g.Values.Export(values, at, n))
					check(t, g.Values.Import(values, dest, n))
				}
			}
			w.mirror()
			w.same("shifted")
			got, want := w.run([]int32{int32(w.cache.Len()) - 1}, 0)
			if e := relative(got, want); !(e < exactLimit) {
				t.Errorf("relative error %.2g after the shift", e)
			}
			w.store(5, nil)
			w.same("shifted and filled")
		})
	}
}

// cellsOf is the cell of each position.
func cellsOf(c *kv.Cells) map[int32]int32 {
	all := map[int32]int32{}
	for cell, p := range c.Pos() {
		if p >= 0 {
			all[p] = int32(cell)
		}
	}
	return all
}

// TestMoveRefuses asks for rows of a type that device memory does not keep all of: one with the scales of another.
func TestMoveRefuses(t *testing.T) {
	d, c := gpu(t)
	src := must[*Source](t)(MoveSource(Side{Type: kernels.ByName("q4_0"), Dim: 64}, true, func(name string) (string, bool) {
		text, ok := Generated(name)
		if name == "type-q4_0.cuh" {
			lossy, _ := Generated("type-mxfp4.cuh")
			begin, end := "static constexpr bool kept", "  // The levels of four codes"
			text = text[:strings.Index(text, "  // A block again")] + lossy[strings.Index(lossy, begin):strings.Index(lossy, end)] + text[strings.Index(text, end):]
		}
		return text, ok
	}))
	if _, err := d.build(c, src); err == nil || !strings.Contains(err.Error(), "rows on a GPU do not keep all of a block: its scale is computed") {
		t.Errorf("%v", err)
	}
}
