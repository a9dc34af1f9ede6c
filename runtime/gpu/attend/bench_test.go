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
	benchTypes   = flag.String("types", "lm4_128,turbo4,lm3_128,turbo3,q4_0,q8_0,f16", "types to time")
	benchLengths = flag.String("lengths", "32768,131072", "cache lengths to time")
	benchWarps   = flag.String("warps", "4", "warps of a block")
	benchBlocks  = flag.String("blocks", "0", "blocks of a multiprocessor that registers are given to, 0 for the default")
	benchWaves   = flag.String("waves", "1,2", "blocks in the grid for each that is resident")
	benchLayers  = flag.Int("layers", 32, "layers")
	benchTiles   = flag.String("tiles", "0", "tiles that a warp takes at a time, 0 for the default")
	benchRows    = flag.Int("rows", 4, "query rows of a block")
	benchQueries = flag.Int("queries", 1, "tokens that attention is computed for, the last of the cache")
	benchParts   = flag.String("parts", "all", "what is timed: all, or loads, keys, values, which leave work out; results are then wrong")
	benchModes   = flag.String("modes", "exact,fast", "levels")
)

// parts are the lines of attention that do the work on keys and on values, and what touches as
// little as makes the loads necessary.
var parts = map[string][2]string{
	"values": {"    k.scores(s, shared, factors, lane);\n", `
    unsigned seen = 0;
#pragma unroll
    for (int u = 0; u < S::tiles; u++) {
#pragma unroll
      for (int n = 0; n < K::main_words; n++) seen ^= k.tiles[u].main[n];
#pragma unroll
      for (int n = 0; n < Scales<K::Row>::words; n++) seen ^= k.scales[u].w[n];
    }
#pragma unroll
    for (int n = 0; n < 4 * S::tiles; n++)
#pragma unroll
      for (int i = 0; i < quads; i++) s[i][n] = (float)(seen >> n & 255);
`},
	"keys": {"    v.add(s, reach, factors, slice, lane);\n", `
    unsigned read = 0;
#pragma unroll
    for (int u = 0; u < S::tiles; u++) {
#pragma unroll
      for (int n = 0; n < V::main_words; n++) read ^= v.tiles[u].main[n];
#pragma unroll
      for (int n = 0; n < Scales<V::Row>::words; n++) read ^= v.scales[u].w[n];
    }
#pragma unroll
    for (int i = 0; i < quads; i++)
#pragma unroll
      for (int e = 0; e < S::slice / 8; e++) v.sums[i][e] += (float)(read >> e & 1) * s[i][e % (4 * S::tiles)] + reach[i];
`},
}

// only is a source that does one part of the work: keys, values, or neither for loads.
func only(t testing.TB, src *gpu.Source, part string) *gpu.Source {
	for name, p := range parts {
		if part == "all" || part == name {
			continue
		}
		if strings.Count(src.Headers["segment.cuh"], p[0]) != 1 {
			t.Fatalf("segment.cuh has no line %q", p[0])
		}
		src.Headers["segment.cuh"] = strings.Replace(src.Headers["segment.cuh"], p[0], p[1], 1)
	}
	return src
}

// TestBench prints times of attention of one decoded token, or of -queries: 32 query heads, 8 KV
// heads of 128, each layer with a cache of its own.
func TestBench(t *testing.T) {
	d := gputest.Open(t)
	big := gputest.Must[*gpu.Buffer](t)(d.Alloc(8 << 30))
	noise := make([]uint16, 32<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = uint16(r.Uint32())
	}
	gputest.Fill(t, big, noise)
	gputest.Check(t, d.Sync())
	half := big.Size / 2
	copies := gputest.Time(t, d, 9, func() error { return big.Slice(half, half).CopyFrom(big) })
	bandwidth := gputest.ReadRate(t, d, big)
	fmt.Printf("%s: copy %.0f GB/s (read and written), read %.0f GB/s\n", d.Limits().Name, float64(big.Size)/float64(gputest.Median(copies))/1e6, bandwidth)
	gputest.Check(t, big.Free())
	// Numbers of about 1, as f16.
	halves := make([]uint16, len(noise))
	for i, n := range noise {
		halves[i] = 0x3800 | n&0x07ff
		if i%2 == 1 {
			halves[i] |= n & 0x8000
		}
	}
	scales := make([]uint16, 1<<20)
	for i := range scales {
		scales[i] = 0x3800 | noise[i]&0x07ff
	}
	fmt.Printf("%-10s %-5s %-6s %7s %5s %5s %5s %6s %4s %5s %9s %8s %6s\n", "type", "mode", "part", "length", "warps", "bound", "tiles", "splits", "regs", "res", "us/layer", "GB/s", "% read")
	for _, name := range strings.Split(*benchTypes, ",") {
		k, v, _ := strings.Cut(name, "/")
		if v == "" {
			v = k
		}
		key, value := rows.Side{Type: kernels.Default().ByName(k), Dim: 128}, rows.Side{Type: kernels.Default().ByName(v), Dim: 128}
		for _, length := range gputest.Ints(t, *benchLengths) {
			layers := make([]*Layer, *benchLayers)
			for i := range layers {
				l := &Layer{Heads: 32, Scale: .088}
				l.Keys = gputest.Must[*rows.Rows](t)(rows.New(d, key, true, 8, length))
				l.Cells = gputest.InOrder(t, d, length, 0)
				l.Values = gputest.Must[*rows.Rows](t)(rows.New(d, value, false, 8, length))
				for _, side := range []*rows.Rows{l.Keys, l.Values} {
					pattern := noise
					if !side.Type.Quantised {
						pattern = halves
					}
					packed, factors := side.Buffers()
					gputest.Fill(t, packed, pattern)
					gputest.Fill(t, factors, scales)
				}
				layers[i] = l
			}
			batch := &Batch{Positions: gputest.Upload(t, d, gputest.Sequence(length-*benchQueries, *benchQueries)), Queries: *benchQueries}
			q, out := gputest.Upload(t, d, gputest.Normal(3, *benchQueries*32*128)), gputest.Upload(t, d, make([]float32, *benchQueries*32*128))
			for _, m := range gputest.Combined(strings.Split(*benchModes, ","), strings.Split(*benchParts, ",")) {
				mode, part := m[0], m[1]
				if mode == "fast" && !strings.HasPrefix(k, "turbo") {
					continue
				}
				for _, warps := range gputest.Ints(t, *benchWarps) {
					for _, n := range gputest.Combined(gputest.Ints(t, *benchBlocks), gputest.Ints(t, *benchTiles)) {
						blocks, tiles := n[0], n[1]
						shape := Shape{Key: key, Value: value, Fast: mode == "fast", Warps: warps, Blocks: blocks, Tiles: tiles, Rows: *benchRows}
						a := gputest.Must[*Kernel](t)(newKernel(d, shape, only(t, gputest.Must[*gpu.Source](t)(shape.Source(d.Device.Dialect())), part)))
						for _, waves := range gputest.Ints(t, *benchWaves) {
							splits := min(a.Splits(layers[0], *benchQueries, length)*waves, mostParts)
							all := func() error {
								for _, l := range layers {
									if err := a.Run(l, q, out, batch, splits); err != nil {
										return err
									}
								}
								return nil
							}
							gputest.Check(t, all())
							gputest.Check(t, d.Sync())
							g := gputest.Must[*gpu.Recording](t)(d.Record(all))
							gputest.Time(t, d, 3, g.Launch)
							us := float64(gputest.Median(gputest.Time(t, d, 15, g.Launch))) * 1000 / float64(len(layers))
							bytes := float64(8 * length * (layers[0].Keys.RowBytes + layers[0].Keys.ScaleBytes + layers[0].Values.RowBytes + layers[0].Values.ScaleBytes))
							regs := gputest.Registers(t, a.attend)
							fmt.Printf("%-10s %-5s %-6s %7d %5d %5d %5d %6d %4d %5d %9.2f %8.0f %6.1f\n", name, mode, part, length, warps, blocks, tiles, splits, regs, a.resident, us, bytes/us/1e3, 100*bytes/us/1e3/bandwidth)
							gputest.Check(t, g.Close())
						}
					}
				}
			}
			for _, l := range layers {
				gputest.Check(t, l.Keys.Free())
				gputest.Check(t, l.Values.Free())
			}
		}
	}
}
