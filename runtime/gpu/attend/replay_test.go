//go:build emulate || gpu

package attend

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/ref"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/qkv"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// TestReplay records the launches of one decoded token once and runs them for many: everything that
// differs is in one piece of memory that is written before each.
func TestReplay(t *testing.T) {
	d := gputest.Open(t)
	for _, s := range []setting{
		{name: "list", size: 400, batch: 60, layer: attention.Layer{Heads: 4, KVHeads: 2, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: gputest.Choice("q8_0", ""), V: gputest.Choice("q4_0", "")},
			rope: &keyRope{gputest.Geometric(32, 10000), false, 1}},
		{name: "ring", size: 400, batch: 20, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64, Window: 30}, policy: kv.Policy{K: gputest.Choice("f16", ""), V: gputest.Choice("q8_0", "")}},
		{name: "exact ends in a window", size: 400, batch: 40, layer: attention.Layer{Heads: 4, KVHeads: 2, KeyDim: 64, ValueDim: 64, Window: 50},
			policy: kv.Policy{K: gputest.Choice("q4_0", "attn"), V: gputest.Choice("turbo2", ""), Ends: kv.Ends{First: 2, Last: 11}}},
	} {
		t.Run(s.name, func(t *testing.T) {
			const moving = 8
			w := newTwin(t, d, s)
			w.fill(90, s.batch)
			l, host := w.layer, w.cache.Rows(0)
			segments := w.gpu.segments()
			last := len(segments) - 1 // the tokens go to the exact rows where there are some

			// What changes: the heads of the cells; position and cell of the token; exact cells
			// that are left, packed cells that are taken, their positions.
			step := gputest.Must[*gpu.Buffer](t)(d.Alloc(4 * (2 + 3*moving + 4*2)))
			part := func(at, n int) *gpu.Buffer { return step.Slice(uint64(4*at), uint64(4*n)) }
			position, cell, from, to, moved := part(8, 1), part(9, 1), part(10, moving), part(10+moving, moving), part(10+2*moving, moving)
			for i := range segments {
				in := gputest.Must[*cells.Cells](t)(cells.In(part(4*i, 4), segments[i].Cells.Positions))
				if i == 0 {
					w.gpu.Cells = in
				} else {
					w.gpu.Exact.Cells = in
				}
			}
			segments = w.gpu.segments()
			for i, s := range host.Segments() {
				gputest.Check(t, segments[i].Cells.MirrorAll(s.K.Cells))
			}

			nq, nk, nv := l.Heads*l.KeyDim, l.KVHeads*l.KeyDim, l.KVHeads*l.ValueDim
			joint, queries, out := gputest.Upload(t, d, make([]float32, nq+nk+nv)), gputest.Upload(t, d, make([]float32, nq)), gputest.Upload(t, d, make([]float32, l.Heads*l.ValueDim))
			into := rows.Pair{Key: segments[last].Keys.Side, Value: segments[last].Values.Side}
			heads := gputest.Must[*qkv.Kernel](t)(qkv.New(d, into))
			layer := &qkv.Layer{Heads: l.Heads, Keys: segments[last].Keys, Values: segments[last].Values}
			batch := &qkv.Batch{Tokens: 1, Q: qkv.View{Buffer: joint, At: 0, LD: nq + nk + nv}, K: qkv.View{Buffer: joint, At: uint64(4 * nq), LD: nq + nk + nv}, V: qkv.View{Buffer: joint, At: uint64(4 * (nq + nk)), LD: nq + nk + nv},
				Positions: position, Cells: cell, Queries: queries}
			gputest.Check(t, w.attend.Reserve(w.gpu, 1, 0))
			g := gputest.Must[*gpu.Recording](t)(d.Record(func() error {
				if w.take != nil {
					gputest.Check(t, w.take.Run(w.packed(), w.gpu.Exact, from, to, moving))
					gputest.Check(t, w.place.Run(segments[0].Cells, moved, to, moving, nil, 0))
				}
				gputest.Check(t, w.place.Run(segments[last].Cells, position, cell, 1, from, moving))
				gputest.Check(t, heads.Run(layer, batch))
				return w.attend.Run(w.gpu, queries, out, &Batch{Positions: position, Queries: 1}, 0)
			}))
			defer g.Close()

			var ws kernels.Workspace
			for range 25 {
				gputest.Check(t, w.cache.Place(1))
				if host.Exact() {
					host.Next()
				}
				p := host.Segments()[last].K.Cells
				change := make([]int32, 8, 10)
				for i, s := range host.Segments() {
					first, ordered := s.K.Cells.Ordered()
					copy(change[4*i:], cells.HeadOf(len(s.K.Cells.Pos()), int(first), ordered))
				}
				at := []int32{int32(w.cache.Len()) - 1}
				change = append(change, at[0], p.Batch()[0])
				lists := [3][]int32{}
				exact, packed := host.Evictions()
				for i := range moving {
					a, b, at := int32(-1), int32(-1), int32(0)
					if i < len(exact) {
						a, b = exact[i], packed[i]
						at = host.Segments()[0].K.Cells.Pos()[b]
					}
					lists[0], lists[1], lists[2] = append(lists[0], a), append(lists[1], b), append(lists[2], at)
				}
				for _, x := range lists {
					change = append(change, x...)
				}
				x := gputest.Normal(w.seed, nq+nk+nv)
				w.seed++
				k, v := x[nq:nq+nk], x[nq+nk:]
				if host.Exact() {
					host.Store(&ws, k, nk, v, nv, 0, host.Shares())
				} else {
					host.Segments()[0].K.Store(&ws, k, nk, 0, 1)
					host.Segments()[0].V.Store(&ws, v, nv, 0, 1)
				}
				gputest.Check(t, gpu.Write(joint, 0, x))
				gputest.Check(t, gpu.Write(step, 0, change))
				gputest.Check(t, g.Launch())
				want := make([]float32, l.Heads*l.ValueDim)
				b := attention.Batch{Layer: &l, KV: host.Segments(), Pos: at, Q: x[:nq], Out: want, Offset: w.offset}
				gputest.Check(t, w.driver.Run(&b))
				if e := relative(gputest.Read(t, out, len(want)), want); !(e < exactLimit) {
					t.Fatalf("position %d: relative error %.2g", at[0], e)
				}
			}
			w.same("after the tokens")
		})
	}
}

// TestOutside says that cells in use are never believed to be more than there are.
func TestOutside(t *testing.T) {
	d := gputest.Open(t)
	w := newTwin(t, d, setting{size: 64, batch: 64, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: gputest.Choice("q8_0", ""), V: gputest.Choice("f16", "")}})
	w.fill(64, 64)
	q, at := gputest.Normal(3, 2*64), []int32{1 << 30}
	for _, ordered := range []bool{true, false} {
		gputest.Check(t, gpu.Write(w.gpu.Cells.Positions, 0, gputest.Sequence(0, 64)))
		gputest.Check(t, gpu.Write(w.gpu.Cells.Head, 0, cells.HeadOf(64, 0, ordered)))
		want := w.device(q, at, 0)
		gputest.Check(t, gpu.Write(w.gpu.Cells.Head, 0, cells.HeadOf(math.MaxInt32, 0, ordered)))
		gputest.SameBits(t, "too many cells in use", w.device(q, at, 0), want)
		for _, used := range []int{0, -1, math.MinInt32} {
			gputest.Check(t, gpu.Write(w.gpu.Cells.Head, 0, cells.HeadOf(used, 0, ordered)))
			gputest.SameBits(t, "no cells in use", w.device(q, at, 0), make([]float32, len(want)))
		}
	}
	gputest.Check(t, gpu.Write(w.gpu.Cells.Head, 0, cells.HeadOf(64, 1<<30, true)))
	gputest.SameBits(t, "cells of later positions", w.device(q, []int32{5}, 0), make([]float32, 2*64))

	// Cells that are not in use may hold anything, positions and numbers that are none.
	for _, pair := range [][2]string{{"q8_0", "f16"}, {"f16", "q8_0"}, {"f32", "f32"}, {"q4_1", "q5_1"}} {
		w := newTwin(t, d, setting{size: 64, batch: 64, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: gputest.Choice(pair[0], ""), V: gputest.Choice(pair[1], "")}})
		w.fill(64, 64)
		gputest.Check(t, gpu.Write(w.gpu.Cells.Positions, 0, gputest.Sequence(0, 64)))
		gputest.Check(t, gpu.Write(w.gpu.Cells.Head, 0, cells.HeadOf(41, 0, true)))
		want := w.device(q, at, 0)
		nan := make([]float32, 23*64)
		for i := range nan {
			nan[i] = float32(math.NaN())
		}
		outside := gputest.Upload(t, d, gputest.Sequence(41, 23))
		gputest.Check(t, w.gpu.Keys.Store(gputest.Upload(t, d, nan), outside, 23, nil))
		gputest.Check(t, w.gpu.Values.Store(gputest.Upload(t, d, nan), outside, 23, nil))
		gputest.SameBits(t, pair[0]+" and "+pair[1]+", cells in order", w.device(q, at, 0), want)
		gputest.Check(t, gpu.Write(w.gpu.Cells.Head, 0, cells.HeadOf(41, 0, false)))
		gputest.SameBits(t, pair[0]+" and "+pair[1]+", cells by position", w.device(q, at, 0), want)
	}
}

// TestSinks gives sinks that are far from every score: one takes everything, the other nothing.
func TestSinks(t *testing.T) {
	d := gputest.Open(t)
	w := newTwin(t, d, setting{size: 64, batch: 64, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: gputest.Choice("f16", ""), V: gputest.Choice("f16", "")}})
	w.fill(50, 64)
	q, at := gputest.Normal(3, 2*64), []int32{49}
	want := w.device(q, at, 0)
	clear(want[:64])
	w.gpu.Sinks = gputest.Upload(t, d, []float32{1000, -1000})
	for i, g := range w.device(q, at, 0) {
		if g != want[i] {
			t.Fatalf("output %d is %g, want %g", i, g, want[i])
		}
	}
}

// TestFar holds the score of an offset to float64 at positions that are far from 0 and begin inside
// a tile.
func TestFar(t *testing.T) {
	d := gputest.Open(t)
	const count, dim, heads, first = 90, 64, 4, 100003
	f32 := gputest.ChoiceSide("f32", "", dim)
	x, y := gputest.Normal(1, count*dim), gputest.Normal(2, count*dim)
	k, _ := gputest.Filled(t, d, f32, true, 1, count, x)
	v, _ := gputest.Filled(t, d, f32, false, 1, count, y)
	for _, r := range []keyRope{{gputest.Geometric(32, 10000), false, 1}, {gputest.Geometric(16, 1e6), true, 1.5}} {
		mu, q := gputest.Normal(3, dim), gputest.Normal(4, 2*heads*dim)
		turn := gputest.Must[*rope.Tables](t)(rope.NewTables(d, r.freq, r.adjacent, r.magnitude, first+count))
		l := &Layer{Heads: heads, Scale: .125, Keys: k, Values: v, Offset: &Offset{gputest.Upload(t, d, mu), turn}}
		a := gputest.Must[*Kernel](t)(New(d, Shape{Key: f32, Value: f32, Offset: &turn.Pairing}))
		oracle := ref.Attention{Heads: heads, KVHeads: 1, KeyDim: dim, ValueDim: dim, Scale: .125, Offset: func(head, query, key int) (sum float64) {
			for i := range mu {
				sum += turned(mu, r, first+key)[i] * float64(q[(query*heads+head)*dim+i])
			}
			return sum
		}}
		want := oracle.Run(q, x, y, count-2)
		shuffled := gputest.Must[*cells.Cells](t)(cells.New(d, count))
		gputest.Check(t, gpu.Write(shuffled.Positions, 0, gputest.Sequence(first, count)))
		gputest.Check(t, gpu.Write(shuffled.Head, 0, cells.HeadOf(count, 0, false)))
		for _, l.Cells = range []*cells.Cells{gputest.InOrder(t, d, count, first), shuffled} {
			out := gputest.Upload(t, d, make([]float32, len(want)))
			gputest.Check(t, a.Run(l, gputest.Upload(t, d, q), out, &Batch{Positions: gputest.Upload(t, d, gputest.Sequence(first+count-2, 2)), Queries: 2}, 0))
			var e, p float64
			for i, g := range gputest.Read(t, out, len(want)) {
				e, p = e+(float64(g)-want[i])*(float64(g)-want[i]), p+want[i]*want[i]
			}
			if rel := math.Sqrt(e / p); !(rel < 1e-5) {
				t.Errorf("adjacent %t: relative error %.2g", r.adjacent, rel)
			} else {
				t.Logf("relative error %.2g", rel)
			}
		}
	}
}

// turned is mu at position p, in float64.
func turned(mu []float32, r keyRope, p int) []float64 {
	x := make([]float64, len(mu))
	for i, m := range mu {
		x[i] = float64(m)
	}
	for i, f := range r.freq {
		a, b := i, i+len(r.freq)
		if r.adjacent {
			a, b = 2*i, 2*i+1
		}
		s, c := math.Sincos(float64(p) * f)
		m := float64(r.magnitude)
		x[a], x[b] = m*(x[a]*c-x[b]*s), m*(x[a]*s+x[b]*c)
	}
	return x
}
