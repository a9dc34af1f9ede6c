//go:build emulate || gpu

package attend

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// TestMove stores rows of every type, takes them out as a file has them, reads them as numbers and
// puts them into other cells.
func TestMove(t *testing.T) {
	d := gputest.Open(t)
	const heads, n = 2, 3
	for i, typ := range kernels.Default().Types() {
		if !typ.KV {
			continue
		}
		dim := []int{64, 128, 192, 96}[i%4]
		if typ.Fits(dim) != nil {
			dim = 128
		}
		key := i%3 > 0
		s := gputest.ChoiceSide(typ.Name, "attn32", dim)
		r := gputest.Must[*rows.Rows](t)(rows.New(d, s, key, heads, 64))
		x := gputest.Normal(uint64(i), n*heads*dim)
		x[5] = 0
		for k := range dim { // a row of zeros
			x[2*dim+k] = 0
		}
		want := gputest.Encoded(s, x)
		cells := []int32{9, 63, 0}
		at := gputest.Upload(t, d, cells)
		gputest.Check(t, r.Store(gputest.Upload(t, d, x), at, n, nil))
		if got := gputest.Exported(t, d, r, cells); !bytes.Equal(got, want) {
			t.Errorf("%s, keys %t: exported rows are\n%x, want\n%x", typ.Name, key, got, want)
		}
		out := gputest.Upload(t, d, make([]float32, len(x)))
		gputest.Check(t, r.Read(out, at, n))
		gputest.SameBits(t, typ.Name+" read", gputest.Read(t, out, len(x)), gputest.Decoded(s, want))

		other := []int32{1, -1, 64}
		gputest.Check(t, r.Import(gputest.Upload(t, d, want), gputest.Upload(t, d, other), n))
		row := heads * r.FileRow()
		if got := gputest.Exported(t, d, r, other[:1]); !bytes.Equal(got, want[:row]) {
			t.Errorf("%s: an imported row is %x, want %x", typ.Name, got, want[:row])
		}
		gputest.Check(t, r.Free())
	}
}

// TestShift drops positions of caches in the way that package kv does, and compares every row.
func TestShift(t *testing.T) {
	d := gputest.Open(t)
	for _, s := range []setting{
		{name: "list", size: 100, batch: 30, layer: attention.Layer{Heads: 2, KVHeads: 2, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: gputest.Choice("turbo3", ""), V: gputest.Choice("q4_0", "")}},
		{name: "ends", size: 100, batch: 30, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: gputest.Choice("q4_1", "attn32"), V: gputest.Choice("f16", ""), Ends: kv.Ends{First: 3, Last: 10}}},
		{name: "ring", size: 100, batch: 10, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64, Window: 20}, policy: kv.Policy{K: gputest.Choice("f16", ""), V: gputest.Choice("lm3_32", "")}},
	} {
		t.Run(s.name, func(t *testing.T) {
			w := newTwin(t, d, s)
			w.fill(70, s.batch)
			const keep, discard, pairs = 8, 23, 20
			freq := gputest.Geometric(pairs, 10000)
			var cos, sin []float32
			for _, f := range freq {
				s, c := math.Sincos(-discard * f)
				cos, sin = append(cos, float32(c)), append(sin, float32(s))
			}
			by := rows.Angle{Pairing: rope.Pairing{Pairs: pairs, Adjacent: false}, Cos: gputest.Upload(t, d, cos), Sin: gputest.Upload(t, d, sin)}
			segments := w.cache.Rows(0).Segments()
			var before []map[int32]int32 // by segment: cells of positions
			for _, p := range segments {
				before = append(before, cellsOf(p.K.Cells))
			}
			gputest.Check(t, w.cache.Shift(keep, discard, func(_ int, x []float32, delta int) { cpu.NewVec(kernels.Default()).RopeHalves(x, cos, sin) }))
			for i, p := range segments {
				var from, to []int32
				after := cellsOf(p.K.Cells)
				// in order, so that no row is written over before it has moved
				for at := int32(keep); at < 100; at++ {
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
					at, dest := gputest.Upload(t, d, from[lo:lo+n]), gputest.Upload(t, d, to[lo:lo+n])
					keys := gputest.Must[*gpu.Buffer](t)(d.Alloc(uint64(n * g.Keys.Heads * g.Keys.FileRow())))
					values := gputest.Must[*gpu.Buffer](t)(d.Alloc(uint64(n * g.Values.Heads * g.Values.FileRow())))
					gputest.Check(t, g.Keys.Rope(keys, at, n, by))
					gputest.Check(t, g.Keys.Import(keys, dest, n))
					gputest.Check(t, g.Values.Export(values, at, n))
					gputest.Check(t, g.Values.Import(values, dest, n))
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

// TestMoveRefuses asks for rows of a type that device memory does not keep all of: one with the
// scales of another.
func TestMoveRefuses(t *testing.T) {
	d := gputest.Open(t)
	own := d.Device.Dialect()
	src := gputest.Must[*gpu.Source](t)(rows.MoveSource(gputest.Driver(t).Dialect(func(name string) (string, bool) {
		if name != "type-q4_0"+own.Header {
			return "", false
		}
		text, _ := own.Text(name)
		lossy, _ := own.Text("type-mxfp4" + own.Header)
		end := "  // The levels of four codes"
		begin := strings.LastIndex(lossy[:strings.Index(lossy, "bool kept")], "\n") + 1
		return text[:strings.Index(text, "  // A block again")] + lossy[begin:strings.Index(lossy, end)] + text[strings.Index(text, end):], true
	}), rows.Side{Type: kernels.Default().ByName("q4_0"), Dim: 64}, true))
	if _, err := d.Build(src); err == nil || !strings.Contains(err.Error(), "rows on a GPU do not keep all of a block: its scale is computed") {
		t.Errorf("%v", err)
	}
}
