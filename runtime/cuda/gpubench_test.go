//go:build gpu

package cuda

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/kvgen/kvgen/kernels"
)

var (
	benchTypes   = flag.String("types", "lm4_128,turbo4,lm3_128,turbo3,q4_0,q8_0,f16", "types to time")
	benchLengths = flag.String("lengths", "32768,131072", "cache lengths to time")
	benchWarps   = flag.String("warps", "4", "warps of a block")
	benchBlocks  = flag.String("blocks", "1,3", "blocks of a multiprocessor that registers are given to")
	benchWaves   = flag.String("waves", "1,2", "blocks in the grid for each that is resident")
	benchLayers  = flag.Int("layers", 32, "layers")
	benchTiles   = flag.String("tiles", "1,2", "tiles that a warp takes at a time")
	benchModes   = flag.String("modes", "exact,fast", "levels")
)

func ints(t testing.TB, list string) (all []int) {
	for _, s := range strings.Split(list, ",") {
		all = append(all, must[int](t)(strconv.Atoi(s)))
	}
	return all
}

func pairs(a, b []int) (all [][2]int) {
	for _, x := range a {
		for _, y := range b {
			all = append(all, [2]int{x, y})
		}
	}
	return all
}

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

// TestBench prints times of attention of one decoded token: 32 query heads, 8 KV heads of 128, each layer with a cache of its own.
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
	fmt.Printf("%-10s %-5s %7s %5s %5s %5s %6s %4s %5s %9s %8s %6s\n", "type", "mode", "length", "warps", "bound", "tiles", "splits", "regs", "res", "us/layer", "GB/s", "% read")
	for _, name := range strings.Split(*benchTypes, ",") {
		k, v, _ := strings.Cut(name, "/")
		if v == "" {
			v = k
		}
		key, value := Side{Type: kernels.ByName(k), Dim: 128}, Side{Type: kernels.ByName(v), Dim: 128}
		for _, length := range ints(t, *benchLengths) {
			layers, cells := make([]*Layer, *benchLayers), inOrder(t, d, length, 0)
			batch := &Batch{upload(t, d, sequence(length-1, 1)), 1}
			for i := range layers {
				l := &Layer{Heads: 32, Scale: .088, Cells: cells}
				l.Keys = must[*Rows](t)(d.NewRows(comp, key, true, 8, length))
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
			q, out := upload(t, d, normal(3, 32*128)), upload(t, d, make([]float32, 32*128))
			for _, mode := range strings.Split(*benchModes, ",") {
				if mode == "fast" && !strings.HasPrefix(k, "turbo") {
					continue
				}
				for _, warps := range ints(t, *benchWarps) {
					for _, n := range pairs(ints(t, *benchBlocks), ints(t, *benchTiles)) {
						blocks, tiles := n[0], n[1]
						a := must[*Attend](t)(d.NewAttend(comp, Attention{Key: key, Value: value, Fast: mode == "fast", Warps: warps, Blocks: blocks, Tiles: tiles}))
						for _, waves := range ints(t, *benchWaves) {
							splits := a.Splits(layers[0], 1, length) * waves
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
							fmt.Printf("%-10s %-5s %7d %5d %5d %5d %6d %4d %5d %9.2f %8.0f %6.1f\n", name, mode, length, warps, blocks, tiles, splits, regs, a.resident, us, bytes/us/1e3, 100*bytes/us/1e3/bandwidth)
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
