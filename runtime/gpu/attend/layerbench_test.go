//go:build gpu

package attend

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/qkv"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

var (
	layerTypes  = flag.String("layer-types", "lm4_128,turbo4,q8_0,f16", "types of TestBenchLayer")
	layerDepths = flag.String("layer-depths", "1,256,1024,2048,8192,32768", "cells in use in TestBenchLayer")
	layerWarps  = flag.String("layer-warps", "4,8,12", "warps of a block in TestBenchLayer")
	layerTiles  = flag.Int("layer-tiles", 0, "tiles that a warp takes at a time in TestBenchLayer")
)

// TestBenchLayer prints what one layer costs for one decoded token, in a graph of 32 layers with
// caches of their own: 32 query heads, 8 KV heads of 128. The launches depend on none of the
// numbers of cells: one graph serves all depths.
func TestBenchLayer(t *testing.T) {
	const layers, heads, kvHeads, dim, room = 32, 32, 8, 128, 32768
	d := gputest.Open(t)
	turns := gputest.Must[*rope.Kernel](t)(rope.New(d))
	f16 := rows.Side{Type: kernels.Default().ByName("f16"), Dim: dim}
	turn := gputest.Must[*rope.Tables](t)(rope.NewTables(d, gputest.Geometric(dim/2, 1e6), false, 1, room))
	angles := gputest.Must[*rope.Angles](t)(rope.NewAngles(d, gputest.Geometric(dim/2, 1e6), 1, 1))
	mu := gputest.Upload(t, d, gputest.Normal(1, kvHeads*dim))
	position, cell := gputest.Upload(t, d, []int32{0}), gputest.Upload(t, d, []int32{0})
	joint := gputest.Upload(t, d, gputest.Normal(2, (heads+2*kvHeads)*dim))
	q, out := gputest.Upload(t, d, gputest.Normal(3, heads*dim)), gputest.Upload(t, d, make([]float32, heads*dim))
	norm := &qkv.Norm{Weights: gputest.Upload(t, d, gputest.Normal(4, dim)), Eps: 1e-6}
	held := gputest.Must[*cells.Cells](t)(cells.New(d, room))
	gputest.Check(t, gpu.Write(held.Positions, 0, gputest.Sequence(0, room)))
	exactCells := gputest.Must[*cells.Cells](t)(cells.New(d, 4+64+8))
	time := func(body func() error) float64 {
		gputest.Check(t, body())
		gputest.Check(t, d.Sync())
		g := gputest.Must[*gpu.Recording](t)(d.Record(body))
		defer g.Close()
		gputest.Time(t, d, 5, g.Launch)
		return float64(gputest.Median(gputest.Time(t, d, 25, g.Launch))) * 1000 / layers
	}
	each := func(n int, f func(i int) error) func() error {
		return func() error {
			for i := range n {
				if err := f(i); err != nil {
					return err
				}
			}
			return nil
		}
	}
	fmt.Printf("%s, %d multiprocessors; us for a layer\n", d.Limits().Name, d.Limits().Cores)
	fmt.Printf("%-28s %.2f\n", "a launch that does little", time(each(layers, func(int) error { return turns.Fill(angles, position, 1) })))
	for _, name := range strings.Split(*layerTypes, ",") {
		s := rows.Side{Type: kernels.Default().ByName(name), Dim: dim}
		pair := rows.Pair{Key: s, Value: s}
		h := gputest.Must[*qkv.Kernel](t)(qkv.New(d, pair))
		var all []rows.Segment
		for range layers {
			all = append(all, rows.Segment{Keys: gputest.Must[*rows.Rows](t)(rows.New(d, s, true, kvHeads, room)), Values: gputest.Must[*rows.Rows](t)(rows.New(d, s, false, kvHeads, room)), Cells: held})
		}
		exact := rows.Segment{Keys: gputest.Must[*rows.Rows](t)(rows.New(d, f16, true, kvHeads, exactCells.Capacity)), Values: gputest.Must[*rows.Rows](t)(rows.New(d, f16, false, kvHeads, exactCells.Capacity)), Cells: exactCells}
		batch := &qkv.Batch{Tokens: 1, Q: qkv.View{Buffer: joint, At: 0, LD: (heads + 2*kvHeads) * dim}, K: qkv.View{Buffer: joint, At: heads * dim * 4, LD: (heads + 2*kvHeads) * dim},
			V: qkv.View{Buffer: joint, At: (heads + kvHeads) * dim * 4, LD: (heads + 2*kvHeads) * dim}, Positions: position, Cells: cell, Angles: angles, Queries: q}
		headsOf := func(i int) error {
			return h.Run(&qkv.Layer{Heads: heads, QNorm: norm, KNorm: norm, Pairing: rope.Pairing{Pairs: dim / 2, Adjacent: false}, Keys: all[i].Keys, Values: all[i].Values}, batch)
		}
		fmt.Printf("%-28s %.2f\n", name+": heads", time(each(layers, headsOf)))
		fmt.Printf("%-20s %5s %5s %6s", name, "warps", "regs", "splits")
		for _, n := range gputest.Ints(t, *layerDepths) {
			fmt.Printf(" %8d", n)
		}
		fmt.Println(" cells")
		for _, warps := range gputest.Ints(t, *layerWarps) {
			for _, v := range []struct {
				name                  string
				ring, offset, ends, h bool
			}{{name: "attend"}, {name: "heads, attend", h: true}, {name: "ring", ring: true}, {name: "offset", offset: true}, {name: "offset in a ring", ring: true, offset: true}, {name: "ends", ends: true}, {name: "ends, offset", ends: true, offset: true}} {
				shape := Shape{Key: s, Value: s, Warps: warps, Tiles: *layerTiles}
				l := Layer{Heads: heads, Scale: .088}
				if v.offset {
					shape.Offset, l.Offset = &turn.Pairing, &Offset{Mu: mu, Rope: turn}
				}
				if v.ends {
					shape.Exact, l.Exact = &rows.Pair{Key: f16, Value: f16}, &exact
				}
				a, err := New(d, shape.For(1, heads/kvHeads))
				if err != nil {
					fmt.Printf("  %-18s %5d %v\n", v.name, warps, err)
					continue
				}
				splits := a.Splits(&Layer{Heads: heads, Keys: all[0].Keys}, 1, room)
				fmt.Printf("  %-18s %5d %5d %6d", v.name, warps, gputest.Registers(t, a.attend), splits)
				for _, n := range gputest.Ints(t, *layerDepths) {
					gputest.Check(t, gpu.Write(held.Head, 0, cells.HeadOf(n, 0, !v.ring)))
					gputest.Check(t, gpu.Write(exactCells.Head, 0, cells.HeadOf(76, max(0, n-76), true)))
					gputest.Check(t, gpu.Write(position, 0, []int32{int32(n - 1)}))
					gputest.Check(t, gpu.Write(cell, 0, []int32{int32(n - 1)}))
					fmt.Printf(" %8.2f", time(each(layers, func(i int) error {
						if v.h {
							if err := headsOf(i); err != nil {
								return err
							}
						}
						l := l
						l.Keys, l.Values, l.Cells = all[i].Keys, all[i].Values, all[i].Cells
						return a.Run(&l, q, out, &Batch{Positions: position, Queries: 1}, 0)
					})))
				}
				fmt.Println()
				gputest.Check(t, a.Free())
			}
		}
		for _, r := range append(all, exact) {
			gputest.Check(t, r.Keys.Free())
			gputest.Check(t, r.Values.Free())
		}
	}
}
