//go:build gpu

package product

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

var (
	matmulTypes = flag.String("matmul-types", "q4_0,q8_0,q4_K,q6_K,f16", "types of matrices to time")
	matmulFew   = flag.Bool("matmul-few", false, "time products of one token alone, in the fast form, for every one of -matmul-shares")
	matmulShare = flag.String("matmul-shares", "4:1:0:16,2:1:130:16", "ROWS:BLOCKS:RING:WARPS as in -token-shares")
	matmulMany  = flag.String("matmul-tokens", "64,512,2048", "tokens of products with many")
	matmulGemm  = flag.Bool("matmul-gemm", true, "time the kernels of products with many tokens alone too, with the first type")
	matmulOnly  = flag.Bool("matmul-only-many", false, "time no products of few tokens")
	matmulPlans = flag.Bool("matmul-plans", false, "time every way of sharing out products of one token, with the first type")
)

// rotating is matrices of one shape that no cache holds together.
func rotating(t testing.TB, d *gpu.Queue, typ *kernels.Type, rows, n int) (all []*Matrix) {
	t.Helper()
	packed := packedRows(t, typ, 1, 64, n)
	for bytes := 0; bytes < 4*d.Limits().CacheBytes || len(all) < 3; bytes += int(all[0].Bytes()) {
		m := gputest.Must[*Matrix](t)(NewMatrix(d, typ, n, rows, func(p []byte, at int64) error {
			for done := 0; done < len(p); {
				done += copy(p[done:], packed[(at+int64(done))%int64(len(packed)):])
			}
			return nil
		}))
		all = append(all, m)
	}
	return all
}

// TestMatmulBench prints times of products with weights that come from memory.
func TestMatmulBench(t *testing.T) {
	d := gputest.Open(t)
	big := gputest.Must[*gpu.Buffer](t)(d.Alloc(4 << 30))
	bandwidth := gputest.ReadRate(t, d, big)
	gputest.Check(t, big.Free())
	fmt.Printf("%s: read %.0f GB/s\n", d.Limits().Name, bandwidth)
	if *matmulFew {
		timeFew(t, d, bandwidth)
		return
	}
	const most = 2048
	x, y := gputest.Upload(t, d, gputest.Normal(1, most*14336)), gputest.Must[*gpu.Buffer](t)(d.Alloc(4*most*32000))
	fmt.Printf("%-6s %-5s %6s %6s %6s %9s %8s %6s  %s\n", "type", "form", "rows", "n", "tokens", "us", "GB/s", "% read", "plan")
	for i, name := range strings.Split(*matmulTypes, ",") {
		if *matmulOnly {
			break
		}
		typ := kernels.Default().ByName(name)
		for _, shape := range [][2]int{{4096, 4096}, {14336, 4096}, {4096, 14336}, {32000, 4096}} {
			matrices := rotating(t, d, typ, shape[0], shape[1])
			for _, exact := range []bool{false, true} {
				if !exact && !typ.Quantised {
					continue // the same kernel
				}
				var all []*Kernel
				for _, m := range matrices {
					all = append(all, gputest.Must[*Kernel](t)(New(d, Spec{Matrix: m, Exact: exact})))
				}
				for k, tokens := range []int{1, 2, 4, 8} {
					if k > 0 && (shape[0] != 14336 || i > 2) {
						continue
					}
					us := productTime(t, d, all, y, x, tokens)
					bytes := float64(matrices[0].weights.Size)
					fmt.Printf("%-6s %-5s %6d %6d %6d %9.2f %8.0f %6.1f  %+v\n", name, form(exact), shape[0], shape[1], tokens, us, bytes/us/1e3, 100*bytes/us/1e3/bandwidth, gputest.Must[plan](t)(all[0].plan(job{k, 1, shape[0]})))
				}
				if *matmulPlans && i == 0 {
					timePlans(t, d, all, y, x)
				}
			}
			for _, m := range matrices {
				gputest.Check(t, m.Free())
			}
		}
	}
	fmt.Printf("%-6s %-5s %6s %6s %6s %9s %9s\n", "type", "form", "rows", "n", "tokens", "us", "TFLOP/s")
	for i, name := range strings.Split(*matmulTypes, ",") {
		typ := kernels.Default().ByName(name)
		for _, shape := range [][2]int{{14336, 4096}, {4096, 14336}} {
			matrices := rotating(t, d, typ, shape[0], shape[1])[:3]
			for _, exact := range []bool{false, true} {
				var all []*Kernel
				for _, m := range matrices {
					all = append(all, gputest.Must[*Kernel](t)(New(d, Spec{Matrix: m, Exact: exact})))
				}
				for _, tokens := range gputest.Ints(t, *matmulMany) {
					rate := func(what string, us float64) {
						fmt.Printf("%-6s %-5s %6d %6d %6d %9.1f %9.1f  %s\n", name, form(exact), shape[0], shape[1], tokens, us, 2*float64(shape[0]*shape[1]*tokens)/us/1e6, what)
					}
					rate("all", productTime(t, d, all, y, x, tokens))
					if i == 0 && *matmulGemm { // the same for all types
						for k := range gemmKernels {
							rate(gemmKernels[k]+" alone", gemmTime(t, d, all[0], k, y, tokens))
						}
					}
				}
			}
			for _, m := range matrices {
				m.Free()
			}
		}
	}
}

// timeFew prints times of products of one token by what their kernels have of a multiprocessor.
func timeFew(t *testing.T, d *gpu.Queue, bandwidth float64) {
	shares := strings.Split(*matmulShare, ",")
	x, y := gputest.Upload(t, d, gputest.Normal(1, 14336)), gputest.Must[*gpu.Buffer](t)(d.Alloc(4*32000))
	fmt.Printf("%-6s %6s %6s", "type", "rows", "n")
	for _, s := range shares {
		fmt.Printf(" %15s us, %%", s)
	}
	fmt.Println("  of the read rate")
	for _, name := range strings.Split(*matmulTypes, ",") {
		typ := kernels.Default().ByName(name)
		for _, shape := range [][2]int{{4096, 4096}, {6144, 4096}, {28672, 4096}, {4096, 14336}, {32000, 4096}} {
			matrices := rotating(t, d, typ, shape[0], shape[1])
			fmt.Printf("%-6s %6d %6d", name, shape[0], shape[1])
			for _, s := range shares {
				f := gputest.Ints(t, strings.ReplaceAll(s, ":", ","))
				var all []*Kernel
				for _, m := range matrices {
					p := Spec{Matrix: m}
					if shape[0] == 28672 {
						p.Gated, p.Act = true, SiLU
					}
					all = append(all, gputest.Must[*Kernel](t)(newKernel(d, p, share{f[0], f[1], f[2] << 10, f[3]})))
				}
				us := productTime(t, d, all, y, x, 1)
				fmt.Printf(" %12.2f %5.1f", us, float64(matrices[0].weights.Size)/us/10/bandwidth)
			}
			fmt.Println()
			for _, m := range matrices {
				gputest.Check(t, m.Free())
			}
		}
	}
}

// productTime is the microseconds of a product, of several that run one after another.
func productTime(t testing.TB, d *gpu.Queue, all []*Kernel, y, x *gpu.Buffer, tokens int) float64 {
	t.Helper()
	body := func() error {
		for _, p := range all {
			if err := p.Run(y, x, tokens); err != nil {
				return err
			}
		}
		return nil
	}
	gputest.Check(t, body())
	g := gputest.Must[*gpu.Recording](t)(d.Record(body))
	defer g.Close()
	gputest.Time(t, d, 2, g.Launch)
	return float64(gputest.Median(gputest.Time(t, d, 9, g.Launch))) * 1000 / float64(len(all))
}

// gemmTime is the microseconds of the tensor cores' part of a product, on whatever the workspace
// holds.
func gemmTime(t testing.TB, d *gpu.Queue, x *Kernel, shape int, y *gpu.Buffer, tokens int) float64 {
	t.Helper()
	s := x.gemmSpace(tokens)
	space := gputest.Must[*gpu.Buffer](t)(d.Workspace(s.end))
	at := func(offset uint64) uint64 { return space.Address() + offset }
	a := &args.Gemm{XHigh: at(s.xHigh), XLow: at(s.xLow), WHigh: at(s.wHigh), WLow: at(s.wLow), XUnits: at(s.xUnits), WUnits: x.Matrix.units.Address(), Y: y.Address(),
		Pitch: int64(2 * x.Matrix.N), Depth: int32(x.Matrix.N), Tokens: int32(tokens), Outputs: int32(x.Outputs()), Count: int32(x.Outputs())}
	return 1000 * float64(gputest.Median(gputest.Time(t, d, 7, func() error { return x.prefill.launchShape(x.prefill.shapes[shape], a) })))
}

func timePlans(t testing.TB, d *gpu.Queue, all []*Kernel, y, x *gpu.Buffer) {
	for _, lanes := range []int{5, 4, 3} {
		for parts := range 5 {
			var cost float64
			for _, p := range all {
				j := job{0, 1, p.Outputs()}
				p.planned[j], cost = p.planOf(j, lanes, parts)
			}
			if cost > 0 {
				fmt.Printf("    %2d lanes %2d warps: %8.2f us, planned as %.1f\n", 1<<lanes, 1<<parts, productTime(t, d, all, y, x, 1), cost)
			}
		}
	}
	for _, p := range all {
		clear(p.planned)
	}
}

// TestPlanBench prints times of every way of sharing out products of one token, with the first of
// -matmul-types and each of -matmul-shares.
func TestPlanBench(t *testing.T) {
	d := gputest.Open(t)
	name, _, _ := strings.Cut(*matmulTypes, ",")
	x, y := gputest.Upload(t, d, gputest.Normal(1, 14336)), gputest.Must[*gpu.Buffer](t)(d.Alloc(4*32000))
	for _, shape := range [][2]int{{4096, 4096}, {6144, 4096}, {28672, 4096}, {4096, 14336}} {
		matrices := rotating(t, d, kernels.Default().ByName(name), shape[0], shape[1])
		for _, s := range strings.Split(*matmulShare, ",") {
			f := gputest.Ints(t, strings.ReplaceAll(s, ":", ","))
			var all []*Kernel
			for _, m := range matrices {
				p := Spec{Matrix: m}
				if shape[0] == 28672 {
					p.Gated, p.Act = true, SiLU
				}
				all = append(all, gputest.Must[*Kernel](t)(newKernel(d, p, share{f[0], f[1], f[2] << 10, f[3]})))
			}
			fmt.Printf("%s, %d rows of %d, %s: %+v\n", name, shape[0], shape[1], s, gputest.Must[plan](t)(all[0].plan(job{0, 1, all[0].Outputs()})))
			timePlans(t, d, all, y, x)
		}
		for _, m := range matrices {
			gputest.Check(t, m.Free())
		}
	}
}
