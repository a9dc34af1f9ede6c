//go:build emulate || gpu

package cuda

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/ref"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/kv"
)

// TestReplay records the launches of one decoded token once and runs them for many: everything that differs is in one piece of memory
// that is written before each.
func TestReplay(t *testing.T) {
	d, c := gpu(t)
	for _, s := range []setting{
		{name: "list", size: 400, batch: 60, layer: attention.Layer{Heads: 4, KVHeads: 2, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: choice("q8_0", ""), V: choice("q4_0", "")},
			rope: &rope{geometric(32, 10000), false, 1}},
		{name: "ring", size: 400, batch: 20, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64, Window: 30}, policy: kv.Policy{K: choice("f16", ""), V: choice("q8_0", "")}},
		{name: "exact ends in a window", size: 400, batch: 40, layer: attention.Layer{Heads: 4, KVHeads: 2, KeyDim: 64, ValueDim: 64, Window: 50},
			policy: kv.Policy{K: choice("q4_0", "attn"), V: choice("turbo2", ""), Ends: kv.Ends{First: 2, Last: 11}}},
	} {
		t.Run(s.name, func(t *testing.T) {
			const moving = 8
			w := newTwin(t, d, c, s)
			w.fill(90, s.batch)
			l, rows := w.layer, w.cache.Rows(0)
			segments := w.gpu.segments()
			last := len(segments) - 1 // the tokens go to the exact rows where there are some

			// What changes: the heads of the cells; position and cell of the token; exact cells that are left, packed cells that are
			// taken, their positions.
			step := must[*Memory](t)(d.Alloc(4 * (2 + 3*moving + 4*2)))
			part := func(at, n int) *Memory { return step.Slice(uint64(4*at), uint64(4*n)) }
			position, cell, from, to, moved := part(8, 1), part(9, 1), part(10, moving), part(10+moving, moving), part(10+2*moving, moving)
			for i := range segments {
				cells := must[*Cells](t)(CellsIn(part(4*i, 4), segments[i].Cells.Positions))
				if i == 0 {
					w.gpu.Cells = cells
				} else {
					w.gpu.Exact.Cells = cells
				}
			}
			segments = w.gpu.segments()
			for i, s := range rows.Segments() {
				check(t, segments[i].Cells.MirrorAll(s.K.Cells))
			}

			nq, nk, nv := l.Heads*l.KeyDim, l.KVHeads*l.KeyDim, l.KVHeads*l.ValueDim
			qkv, queries, out := upload(t, d, make([]float32, nq+nk+nv)), upload(t, d, make([]float32, nq)), upload(t, d, make([]float32, l.Heads*l.ValueDim))
			into := Pair{segments[last].Keys.Side, segments[last].Values.Side}
			heads := must[*Heads](t)(d.NewHeads(c, into))
			layer := &HeadsLayer{Heads: l.Heads, Keys: segments[last].Keys, Values: segments[last].Values}
			batch := &HeadsBatch{Tokens: 1, Q: Place{qkv, 0, nq + nk + nv}, K: Place{qkv, uint64(4 * nq), nq + nk + nv}, V: Place{qkv, uint64(4 * (nq + nk)), nq + nk + nv},
				Positions: position, Cells: cell, Queries: queries}
			check(t, w.attend.Reserve(w.gpu, 1, 0))
			g := must[*Graph](t)(d.Record(func() error {
				if w.take != nil {
					check(t, w.take.Run(w.gpu, from, to, moving))
					check(t, w.turns.Place(segments[0].Cells, moved, to, moving, nil, 0))
				}
				check(t, w.turns.Place(segments[last].Cells, position, cell, 1, from, moving))
				check(t, heads.Run(layer, batch))
				return w.attend.Run(w.gpu, queries, out, &Batch{Positions: position, Queries: 1}, 0)
			}))
			defer g.Close()

			var ws kernels.Workspace
			for range 25 {
				check(t, w.cache.Place(1))
				if rows.Exact() {
					rows.Next()
				}
				p := rows.Segments()[last].K.Cells
				change := make([]int32, 8, 10)
				for i, s := range rows.Segments() {
					first, ordered := s.K.Cells.Ordered()
					copy(change[4*i:], HeadOf(len(s.K.Cells.Pos()), int(first), ordered))
				}
				at := []int32{int32(w.cache.Len()) - 1}
				change = append(change, at[0], p.Batch()[0])
				lists := [3][]int32{}
				exact, packed := rows.Moves()
				for i := range moving {
					a, b, at := int32(-1), int32(-1), int32(0)
					if i < len(exact) {
						a, b = exact[i], packed[i]
						at = rows.Segments()[0].K.Cells.Pos()[b]
					}
					lists[0], lists[1], lists[2] = append(lists[0], a), append(lists[1], b), append(lists[2], at)
				}
				for _, x := range lists {
					change = append(change, x...)
				}
				x := normal(w.seed, nq+nk+nv)
				w.seed++
				k, v := x[nq:nq+nk], x[nq+nk:]
				if rows.Exact() {
					rows.Store(&ws, k, nk, v, nv, 0, rows.Shares())
				} else {
					rows.Segments()[0].K.Store(&ws, k, nk, 0, 1)
					rows.Segments()[0].V.Store(&ws, v, nv, 0, 1)
				}
				check(t, Write(qkv, 0, x))
				check(t, Write(step, 0, change))
				check(t, g.Launch())
				want := make([]float32, l.Heads*l.ValueDim)
				b := attention.Batch{Layer: &l, KV: rows.Segments(), Pos: at, Q: x[:nq], Out: want, Offset: w.offset}
				check(t, w.driver.Run(&b))
				if e := relative(read(t, out, len(want)), want); !(e < exactLimit) {
					t.Fatalf("position %d: relative error %.2g", at[0], e)
				}
			}
			w.same("after the tokens")
		})
	}
}

// TestOutside says that cells in use are never believed to be more than there are.
func TestOutside(t *testing.T) {
	d, c := gpu(t)
	w := newTwin(t, d, c, setting{size: 64, batch: 64, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: choice("q8_0", ""), V: choice("f16", "")}})
	w.fill(64, 64)
	q, at := normal(3, 2*64), []int32{1 << 30}
	for _, ordered := range []bool{true, false} {
		check(t, Write(w.gpu.Cells.Positions, 0, sequence(0, 64)))
		check(t, Write(w.gpu.Cells.Head, 0, HeadOf(64, 0, ordered)))
		want := w.device(q, at, 0)
		check(t, Write(w.gpu.Cells.Head, 0, HeadOf(math.MaxInt32, 0, ordered)))
		sameBits(t, "too many cells in use", w.device(q, at, 0), want)
		for _, used := range []int{0, -1, math.MinInt32} {
			check(t, Write(w.gpu.Cells.Head, 0, HeadOf(used, 0, ordered)))
			sameBits(t, "no cells in use", w.device(q, at, 0), make([]float32, len(want)))
		}
	}
	check(t, Write(w.gpu.Cells.Head, 0, HeadOf(64, 1<<30, true)))
	sameBits(t, "cells of later positions", w.device(q, []int32{5}, 0), make([]float32, 2*64))

	// Cells that are not in use may hold anything, positions and numbers that are none.
	for _, pair := range [][2]string{{"q8_0", "f16"}, {"f16", "q8_0"}, {"f32", "f32"}, {"q4_1", "q5_1"}} {
		w := newTwin(t, d, c, setting{size: 64, batch: 64, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: choice(pair[0], ""), V: choice(pair[1], "")}})
		w.fill(64, 64)
		check(t, Write(w.gpu.Cells.Positions, 0, sequence(0, 64)))
		check(t, Write(w.gpu.Cells.Head, 0, HeadOf(41, 0, true)))
		want := w.device(q, at, 0)
		nan := make([]float32, 23*64)
		for i := range nan {
			nan[i] = float32(math.NaN())
		}
		cells := upload(t, d, sequence(41, 23))
		check(t, w.gpu.Keys.Store(upload(t, d, nan), cells, 23, nil))
		check(t, w.gpu.Values.Store(upload(t, d, nan), cells, 23, nil))
		sameBits(t, pair[0]+" and "+pair[1]+", cells in order", w.device(q, at, 0), want)
		check(t, Write(w.gpu.Cells.Head, 0, HeadOf(41, 0, false)))
		sameBits(t, pair[0]+" and "+pair[1]+", cells by position", w.device(q, at, 0), want)
	}
}

// TestSinks gives sinks that are far from every score: one takes everything, the other nothing.
func TestSinks(t *testing.T) {
	d, c := gpu(t)
	w := newTwin(t, d, c, setting{size: 64, batch: 64, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: choice("f16", ""), V: choice("f16", "")}})
	w.fill(50, 64)
	q, at := normal(3, 2*64), []int32{49}
	want := w.device(q, at, 0)
	clear(want[:64])
	w.gpu.Sinks = upload(t, d, []float32{1000, -1000})
	for i, g := range w.device(q, at, 0) {
		if g != want[i] {
			t.Fatalf("output %d is %g, want %g", i, g, want[i])
		}
	}
}

// TestFar holds the score of an offset to float64 at positions that are far from 0 and begin inside a tile.
func TestFar(t *testing.T) {
	d, c := gpu(t)
	const cells, dim, heads, first = 90, 64, 4, 100003
	f32 := choiceSide("f32", "", dim)
	x, y := normal(1, cells*dim), normal(2, cells*dim)
	k, _ := filled(t, d, c, f32, true, 1, cells, x)
	v, _ := filled(t, d, c, f32, false, 1, cells, y)
	for _, r := range []rope{{geometric(32, 10000), false, 1}, {geometric(16, 1e6), true, 1.5}} {
		mu, q := normal(3, dim), normal(4, 2*heads*dim)
		turn := must[*Turn](t)(d.NewTurn(r.freq, r.adjacent, r.magnitude, first+cells))
		l := &Layer{Heads: heads, Scale: .125, Keys: k, Values: v, Offset: &Offset{upload(t, d, mu), turn}}
		a := must[*Attend](t)(d.NewAttend(c, Attention{Key: f32, Value: f32, Offset: &turn.Pairing}))
		oracle := ref.Attention{Heads: heads, KVHeads: 1, KeyDim: dim, ValueDim: dim, Scale: .125, Offset: func(head, query, key int) (sum float64) {
			for i := range mu {
				sum += turned(mu, r, first+key)[i] * float64(q[(query*heads+head)*dim+i])
			}
			return sum
		}}
		want := oracle.Run(q, x, y, cells-2)
		shuffled := must[*Cells](t)(d.NewCells(cells))
		check(t, Write(shuffled.Positions, 0, sequence(first, cells)))
		check(t, Write(shuffled.Head, 0, HeadOf(cells, 0, false)))
		for _, l.Cells = range []*Cells{inOrder(t, d, cells, first), shuffled} {
			out := upload(t, d, make([]float32, len(want)))
			check(t, a.Run(l, upload(t, d, q), out, &Batch{Positions: upload(t, d, sequence(first+cells-2, 2)), Queries: 2}, 0))
			var e, p float64
			for i, g := range read(t, out, len(want)) {
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
func turned(mu []float32, r rope, p int) []float64 {
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
