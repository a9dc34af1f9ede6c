//go:build gpu

package attend

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

var (
	prefillTypes   = flag.String("prefill-types", "f16,q8_0,q4_0,turbo4,lm4_128", "types of TestBenchPrefill")
	prefillLengths = flag.String("prefill-lengths", "2048,8192,34816", "cells in use in TestBenchPrefill")
	prefillQueries = flag.Int("prefill-queries", 2048, "tokens of TestBenchPrefill, the last of the cache; 0 for all")
	prefillTiles   = flag.String("prefill-tiles", "", "warps.blocks.tiles.keys of a block in TestBenchPrefill, \"\" for the default")
	prefillDim     = flag.Int("prefill-dim", 128, "size of heads in TestBenchPrefill")
	prefillFew     = flag.Bool("prefill-few", false, "TestBenchPrefill also times the kernel of few query rows")
)

// TestBenchPrefill prints what attention of many tokens costs in a layer of 32 query heads and 8 KV
// heads, and what of that goes into making f16 of packed rows.
func TestBenchPrefill(t *testing.T) {
	const heads, kvHeads = 32, 8
	d, dim := gputest.Open(t), *prefillDim
	r, noise := rand.New(rand.NewPCG(1, 2)), make([]uint16, 1<<20)
	for i := range noise {
		noise[i] = uint16(r.Uint32())
	}
	halves, scales := make([]uint16, len(noise)), make([]uint16, len(noise))
	for i, n := range noise {
		halves[i] = 0x3800 | n&0x87ff
		scales[i] = 0x2800 | n&0x03ff
	}
	fmt.Printf("%-10s %7s %7s %10s %5s %5s %10s %9s\n", "type", "cells", "queries", "tile", "parts", "regs", "us", "TFLOP/s")
	for _, name := range strings.Split(*prefillTypes, ",") {
		k, v, _ := strings.Cut(name, "/")
		if v == "" {
			v = k
		}
		key, value := rows.Side{Type: kernels.Default().ByName(k), Dim: dim}, rows.Side{Type: kernels.Default().ByName(v), Dim: dim}
		shape := Shape{Key: key, Value: value, Fast: true}
		for _, cells := range gputest.Ints(t, *prefillLengths) {
			queries := *prefillQueries
			if queries == 0 {
				queries = cells
			}
			l := &Layer{Heads: heads, Scale: .088, Cells: gputest.InOrder(t, d, cells, 0)}
			l.Keys = gputest.Must[*rows.Rows](t)(rows.New(d, key, true, kvHeads, cells))
			l.Values = gputest.Must[*rows.Rows](t)(rows.New(d, value, false, kvHeads, cells))
			for _, side := range []*rows.Rows{l.Keys, l.Values} {
				pattern := noise
				if !side.Type.Quantised {
					pattern = halves
				}
				packed, factors := side.Buffers()
				gputest.Fill(t, packed, pattern)
				gputest.Fill(t, factors, scales)
			}
			b := &Batch{Positions: gputest.Upload(t, d, gputest.Sequence(cells-queries, queries)), Queries: queries}
			q := gputest.Must[*gpu.Buffer](t)(d.Alloc(uint64(4 * queries * heads * dim)))
			out := gputest.Must[*gpu.Buffer](t)(d.Alloc(q.Size))
			part := gputest.Normal(3, 1<<20)
			for at := uint64(0); at < q.Size; at += 4 << 20 {
				gputest.Check(t, gpu.Write(q, at, part[:min(uint64(len(part)), (q.Size-at)/4)]))
			}
			flop := 4 * heads * float64(dim) * float64(queries) * (float64(cells-queries) + float64(queries+1)/2)
			print := func(what string, parts, regs int, run func() error) {
				gputest.Check(t, run())
				gputest.Check(t, d.Sync())
				us := float64(gputest.Median(gputest.Time(t, d, 5, run))) * 1000
				fmt.Printf("%-10s %7d %7d %10s %5d %5d %10.1f %9.1f\n", name, cells, queries, what, parts, regs, us, flop/us/1e6)
			}
			base, _ := shape.tileOf(d.Limits().SharedBytes)
			for _, text := range strings.Split(*prefillTiles, ",") {
				at := base
				if text != "" {
					fmt.Sscanf(text, "%d.%d.%d.%d", &at.warps, &at.blocks, &at.tiles, &at.keys)
				}
				x := gputest.Must[*Prefill](t)(newPrefill(d, shape, at))
				y := x.layout(l, x.Groups(l, b), cells)
				print(fmt.Sprintf("%d.%d.%d.%d", at.warps, at.blocks, at.tiles, at.keys), y.parts, gputest.Registers(t, x.prefill), func() error { return x.Run(l, q, out, b, cells) })
				for i, u := range x.sides {
					if u == nil {
						continue
					}
					print([]string{"keys", "values"}[i], 0, gputest.Registers(t, u.kernel), func() error {
						s := l.segments()[0]
						space := gputest.Must[*gpu.Buffer](t)(d.Workspace(y.end))
						_, _, err := x.side(i, l, []*rows.Rows{l.Keys, l.Values}[i], &s, b, &y, space.Address(), cells, 0, y.heads)
						return err
					})
				}
			}
			if *prefillFew {
				few := gputest.Must[*Kernel](t)(New(d, shape.For(queries, heads/kvHeads)))
				print("few rows", few.Splits(l, queries, cells), gputest.Registers(t, few.attend), func() error { return few.Run(l, q, out, b, 0) })
				gputest.Check(t, few.Free())
			}
			for _, m := range []interface{ Free() error }{l.Keys, l.Values, q, out} {
				gputest.Check(t, m.Free())
			}
		}
	}
}
