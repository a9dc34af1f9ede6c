//go:build gpu

package cuda

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/kvgen/kvgen/kernels"
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

func median(x []float32) float32 {
	slices.Sort(x)
	return x[len(x)/2]
}

// fill repeats a pattern over the memory.
func fill(t testing.TB, m *Memory, pattern []uint16) {
	if m.Size == 0 {
		return
	}
	n := min(uint64(2*len(pattern)), m.Size)
	check(t, Write(m, 0, pattern[:n/2]))
	for n < m.Size {
		piece := min(n, m.Size-n)
		check(t, m.d.do(func() error { return m.d.api.check(m.d.api.Copy(m.at+n, m.at, piece, m.d.stream), "filling") }))
		n += piece
	}
}

// parts are the lines of attention that do the work on keys and on values, and what touches as little as makes the loads necessary.
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
func only(t testing.TB, src *Source, part string) *Source {
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

// readSource reads a piece of memory and keeps nothing: the rate that a kernel could reach.
const readSource = `
struct Read { const uint4* from; unsigned* to; long long n; };
extern "C" __global__ void __launch_bounds__(512) read_all(const Read p) {
  unsigned v = 0;
  const long long step = (long long)gridDim.x * 512;
  long long i = (long long)blockIdx.x * 512 + threadIdx.x;
  for (; i + 7 * step < p.n; i += 8 * step) {
    uint4 w[8];
#pragma unroll
    for (int k = 0; k < 8; k++) w[k] = __ldcs(p.from + i + k * step);
#pragma unroll
    for (int k = 0; k < 8; k++) v ^= w[k].x ^ w[k].y ^ w[k].z ^ w[k].w;
  }
  for (; i < p.n; i += step) v ^= p.from[i].x;
  if (v == 12345) *p.to = v;
}`

// TestBench prints times of attention of one decoded token, or of -queries: 32 query heads, 8 KV heads of 128, each layer with a cache of its own.
func TestBench(t *testing.T) {
	d, comp := gpu(t)
	big := must[*Memory](t)(d.Alloc(8 << 30))
	noise := make([]uint16, 32<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = uint16(r.Uint32())
	}
	fill(t, big, noise)
	check(t, d.Sync())
	half := big.Size / 2
	copies := must[[]float32](t)(d.Time(9, func() error {
		return d.do(func() error { return d.api.check(d.api.Copy(big.at+half, big.at, half, d.stream), "copying") })
	}))
	bandwidth := readRate(t, d, comp, big)
	fmt.Printf("%s: copy %.0f GB/s (read and written), read %.0f GB/s\n", d.Name, float64(big.Size)/float64(median(copies))/1e6, bandwidth)
	check(t, big.Free())
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
		key, value := Side{Type: kernels.ByName(k), Dim: 128}, Side{Type: kernels.ByName(v), Dim: 128}
		for _, length := range ints(t, *benchLengths) {
			layers := make([]*Layer, *benchLayers)
			for i := range layers {
				l := &Layer{Heads: 32, Scale: .088}
				l.Keys = must[*Rows](t)(d.NewRows(comp, key, true, 8, length))
				l.Cells = inOrder(t, d, length, 0)
				l.Values = must[*Rows](t)(d.NewRows(comp, value, false, 8, length))
				for _, rows := range []*Rows{l.Keys, l.Values} {
					pattern := noise
					if !rows.Type.Quantised {
						pattern = halves
					}
					fill(t, rows.rows, pattern)
					fill(t, rows.scales, scales)
				}
				layers[i] = l
			}
			batch := &Batch{Positions: upload(t, d, sequence(length-*benchQueries, *benchQueries)), Queries: *benchQueries}
			q, out := upload(t, d, normal(3, *benchQueries*32*128)), upload(t, d, make([]float32, *benchQueries*32*128))
			for _, m := range combined(strings.Split(*benchModes, ","), strings.Split(*benchParts, ",")) {
				mode, part := m[0], m[1]
				if mode == "fast" && !strings.HasPrefix(k, "turbo") {
					continue
				}
				for _, warps := range ints(t, *benchWarps) {
					for _, n := range combined(ints(t, *benchBlocks), ints(t, *benchTiles)) {
						blocks, tiles := n[0], n[1]
						shape := Attention{Key: key, Value: value, Fast: mode == "fast", Warps: warps, Blocks: blocks, Tiles: tiles, Rows: *benchRows}
						a := must[*Attend](t)(d.newAttend(comp, shape, only(t, must[*Source](t)(shape.Source(Generated)), part)))
						for _, waves := range ints(t, *benchWaves) {
							splits := min(a.Splits(layers[0], *benchQueries, length)*waves, mostParts)
							all := func() error {
								for _, l := range layers {
									if err := a.Run(l, q, out, batch, splits); err != nil {
										return err
									}
								}
								return nil
							}
							check(t, all())
							check(t, d.Sync())
							g := must[*Graph](t)(d.Record(all))
							must[[]float32](t)(d.Time(3, g.Launch))
							us := float64(median(must[[]float32](t)(d.Time(15, g.Launch)))) * 1000 / float64(len(layers))
							bytes := float64(8 * length * (layers[0].Keys.RowBytes + layers[0].Keys.ScaleBytes + layers[0].Values.RowBytes + layers[0].Values.ScaleBytes))
							regs := must[int](t)(a.attend.Registers())
							fmt.Printf("%-10s %-5s %-6s %7d %5d %5d %5d %6d %4d %5d %9.2f %8.0f %6.1f\n", name, mode, part, length, warps, blocks, tiles, splits, regs, a.resident, us, bytes/us/1e3, 100*bytes/us/1e3/bandwidth)
							check(t, g.Close())
						}
					}
				}
			}
			for _, l := range layers {
				check(t, l.Keys.Free())
				check(t, l.Values.Free())
			}
		}
	}
}

// readRate is the best of some grids, in GB/s.
func readRate(t testing.TB, d *Device, comp *Compiler, m *Memory) float64 {
	t.Helper()
	module := must[*Module](t)(d.build(comp, &Source{Name: "read", Main: readSource}))
	f := must[*Function](t)(module.Function("read_all", 0))
	to := must[*Memory](t)(d.Alloc(16))
	best := 0.0
	for _, blocks := range []int{2, 4, 8} {
		arg := &struct {
			from, to uint64
			n        int64
		}{m.at, to.at, int64(m.Size / 16)}
		times := must[[]float32](t)(d.Time(9, func() error { return f.launch(d.Multiprocessors*blocks, 1, 512, unsafe.Pointer(arg)) }))
		best = max(best, float64(m.Size)/float64(median(times))/1e6)
	}
	return best
}
