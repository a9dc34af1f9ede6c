//go:build gpu

package cuda

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

var (
	layerTypes  = flag.String("layer-types", "lm4_128,turbo4,q8_0,f16", "types of TestBenchLayer")
	layerDepths = flag.String("layer-depths", "1,256,1024,2048,8192,32768", "cells in use in TestBenchLayer")
	layerWarps  = flag.String("layer-warps", "4,8,12", "warps of a block in TestBenchLayer")
	layerTiles  = flag.Int("layer-tiles", 0, "tiles that a warp takes at a time in TestBenchLayer")
)

// TestBenchLayer prints what one layer costs for one decoded token, in a graph of 32 layers with caches of their own: 32 query heads, 8 KV
// heads of 128. The launches depend on none of the numbers of cells: one graph serves all depths.
func TestBenchLayer(t *testing.T) {
	const layers, heads, kvHeads, dim, room = 32, 32, 8, 128, 32768
	d, c := gpu(t)
	turns := must[*Turns](t)(d.NewTurns(c))
	f16 := Side{Type: kernels.ByName("f16"), Dim: dim}
	turn := must[*Turn](t)(d.NewTurn(geometric(dim/2, 1e6), false, 1, room))
	angles := must[*Angles](t)(d.NewAngles(geometric(dim/2, 1e6), 1, 1))
	mu := upload(t, d, normal(1, kvHeads*dim))
	position, cell := upload(t, d, []int32{0}), upload(t, d, []int32{0})
	qkv := upload(t, d, normal(2, (heads+2*kvHeads)*dim))
	q, out := upload(t, d, normal(3, heads*dim)), upload(t, d, make([]float32, heads*dim))
	norm := &Norm{upload(t, d, normal(4, dim)), 1e-6}
	cells := must[*Cells](t)(d.NewCells(room))
	check(t, Write(cells.Positions, 0, sequence(0, room)))
	exactCells := must[*Cells](t)(d.NewCells(4 + 64 + 8))
	time := func(body func() error) float64 {
		check(t, body())
		check(t, d.Sync())
		g := must[*Graph](t)(d.Record(body))
		defer g.Close()
		must[[]float32](t)(d.Time(5, g.Launch))
		return float64(median(must[[]float32](t)(d.Time(25, g.Launch)))) * 1000 / layers
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
	fmt.Printf("%s, %d multiprocessors; us for a layer\n", d.Name, d.Multiprocessors)
	fmt.Printf("%-28s %.2f\n", "a launch that does little", time(each(layers, func(int) error { return turns.Fill(angles, position, 1) })))
	for _, name := range strings.Split(*layerTypes, ",") {
		s := Side{Type: kernels.ByName(name), Dim: dim}
		pair := Pair{s, s}
		h := must[*Heads](t)(d.NewHeads(c, pair))
		var all []Segment
		for range layers {
			all = append(all, Segment{must[*Rows](t)(d.NewRows(c, s, true, kvHeads, room)), must[*Rows](t)(d.NewRows(c, s, false, kvHeads, room)), cells})
		}
		exact := Segment{must[*Rows](t)(d.NewRows(c, f16, true, kvHeads, exactCells.Capacity)), must[*Rows](t)(d.NewRows(c, f16, false, kvHeads, exactCells.Capacity)), exactCells}
		batch := &HeadsBatch{Tokens: 1, Q: Place{qkv, 0, (heads + 2*kvHeads) * dim}, K: Place{qkv, heads * dim * 4, (heads + 2*kvHeads) * dim},
			V: Place{qkv, (heads + kvHeads) * dim * 4, (heads + 2*kvHeads) * dim}, Positions: position, Cells: cell, Angles: angles, Queries: q}
		headsOf := func(i int) error {
			return h.Run(&HeadsLayer{Heads: heads, QNorm: norm, KNorm: norm, Pairing: Pairing{dim / 2, false}, Keys: all[i].Keys, Values: all[i].Values}, batch)
		}
		fmt.Printf("%-28s %.2f\n", name+": heads", time(each(layers, headsOf)))
		fmt.Printf("%-20s %5s %5s %6s", name, "warps", "regs", "splits")
		for _, n := range ints(t, *layerDepths) {
			fmt.Printf(" %8d", n)
		}
		fmt.Println(" cells")
		for _, warps := range ints(t, *layerWarps) {
			for _, v := range []struct {
				name                  string
				ring, offset, ends, h bool
			}{{name: "attend"}, {name: "heads, attend", h: true}, {name: "ring", ring: true}, {name: "offset", offset: true}, {name: "offset in a ring", ring: true, offset: true}, {name: "ends", ends: true}, {name: "ends, offset", ends: true, offset: true}} {
				shape := Attention{Key: s, Value: s, Warps: warps, Tiles: *layerTiles}
				l := Layer{Heads: heads, Scale: .088}
				if v.offset {
					shape.Offset, l.Offset = &turn.Pairing, &Offset{mu, turn}
				}
				if v.ends {
					shape.Exact, l.Exact = &Pair{f16, f16}, &exact
				}
				a, err := d.NewAttend(c, shape.For(1, heads/kvHeads))
				if err != nil {
					fmt.Printf("  %-18s %5d %v\n", v.name, warps, err)
					continue
				}
				splits := a.Splits(&Layer{Heads: heads, Keys: all[0].Keys}, 1, room)
				fmt.Printf("  %-18s %5d %5d %6d", v.name, warps, must[int](t)(a.attend.Registers()), splits)
				for _, n := range ints(t, *layerDepths) {
					check(t, Write(cells.Head, 0, HeadOf(n, 0, !v.ring)))
					check(t, Write(exactCells.Head, 0, HeadOf(76, max(0, n-76), true)))
					check(t, Write(position, 0, []int32{int32(n - 1)}))
					check(t, Write(cell, 0, []int32{int32(n - 1)}))
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
				check(t, a.Free())
			}
		}
		for _, r := range append(all, exact) {
			check(t, r.Keys.Free())
			check(t, r.Values.Free())
		}
	}
}
