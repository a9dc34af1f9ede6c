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
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/qkv"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

var (
	tokenWeights = flag.String("token-weights", "q4_0", "types of weights in TestBenchToken")
	tokenCaches  = flag.String("token-caches", "f16,turbo4,lm4_128", "types of the cache in TestBenchToken")
	tokenShares  = flag.String("token-shares", "4:1:0:16,2:1:130:16", "ROWS:BLOCKS:RING:WARPS, of products, KiB of shared memory for weights on their way, warps")
	tokenLayers  = flag.Int("token-layers", 8, "layers in TestBenchToken")
	tokenCells   = flag.Int("token-cells", 1, "cells in use in TestBenchToken")
	headTypes    = flag.String("head-types", "f16,turbo4,lm4_128,lm4_32,xm4_128,lm3_128,q8_0,q4_0", "types of TestBenchHeads")
	tokenParts   = flag.Bool("token-parts", false, "in TestBenchToken, also without some of the launches")
)

// tokenLayer is one of TestBenchToken.
type tokenLayer struct {
	matrices   [4]*Matrix // Q, K and V; output; gate and up; down
	products   [4]*Kernel
	keys, vals *rows.Rows
}

// TestBenchToken prints what a layer costs in a graph of layers as a token runs through them: norm,
// Q, K and V, heads, attention, output, norm, gate and up, down; of a llama of 4096 values, 32
// query and 8 KV heads of 128, 14336 in between.
func TestBenchToken(t *testing.T) {
	const width, heads, kvHeads, dim, inner, room = 4096, 32, 8, 128, 14336, 32768
	d := gputest.Open(t)
	big := gputest.Must[*gpu.Buffer](t)(d.Alloc(4 << 30))
	bandwidth := gputest.ReadRate(t, d, big)
	gputest.Check(t, big.Free())
	turns := gputest.Must[*rope.Kernel](t)(rope.New(d))
	angles := gputest.Must[*rope.Angles](t)(rope.NewAngles(d, gputest.Geometric(dim/2, 1e6), 1, 1))
	position, cell := gputest.Upload(t, d, []int32{int32(*tokenCells - 1)}), gputest.Upload(t, d, []int32{int32(*tokenCells - 1)})
	held := gputest.Must[*cells.Cells](t)(cells.New(d, room))
	gputest.Check(t, gpu.Write(held.Positions, 0, gputest.Sequence(0, room)))
	gputest.Check(t, gpu.Write(held.Head, 0, cells.HeadOf(*tokenCells, 0, true)))
	x, h, y := gputest.Upload(t, d, gputest.Normal(1, width)), gputest.Upload(t, d, gputest.Normal(2, width)), gputest.Upload(t, d, gputest.Normal(3, width))
	joint, q, a, g := gputest.Upload(t, d, gputest.Normal(4, (heads+2*kvHeads)*dim)), gputest.Upload(t, d, gputest.Normal(5, width)), gputest.Upload(t, d, gputest.Normal(6, width)), gputest.Upload(t, d, gputest.Normal(7, inner))
	var norms []*gpu.Buffer
	for i := range 2 * *tokenLayers {
		norms = append(norms, gputest.Upload(t, d, gputest.Normal(uint64(10+i), width)))
	}
	gputest.Check(t, turns.Fill(angles, position, 1))
	for _, weights := range strings.Split(*tokenWeights, ",") {
		typ := kernels.Default().ByName(weights)
		layers := make([]tokenLayer, *tokenLayers)
		bytes := 0.0
		for i := range layers {
			for k, shape := range [][2]int{{(heads + 2*kvHeads) * dim, width}, {width, width}, {2 * inner, width}, {width, inner}} {
				layers[i].matrices[k] = repeated(t, d, typ, shape[0], shape[1])
				bytes += float64(layers[i].matrices[k].weights.Size) / float64(len(layers))
			}
		}
		fmt.Printf("%s, %s: %.1f MB a layer, %.1f us at the %.0f GB/s of a read\n", d.Limits().Name, weights, bytes/1e6, bytes/bandwidth/1e3, bandwidth)
		fmt.Printf("%-8s %4s %6s %5s %5s", "cache", "rows", "blocks", "ring", "warps")
		parts := []string{"all"}
		if *tokenParts {
			parts = append(parts, "products", "others", "no heads", "no attention", "no norms", "QKV", "output", "gate, up", "down")
		}
		for _, p := range parts {
			fmt.Printf(" %9s", p)
		}
		fmt.Println("  us for a layer")
		for n, cache := range strings.Split(*tokenCaches, ",") {
			s := rows.Side{Type: kernels.Default().ByName(cache), Dim: dim}
			pair := rows.Pair{Key: s, Value: s}
			hd := gputest.Must[*qkv.Kernel](t)(qkv.New(d, pair))
			at := gputest.Must[*attend.Kernel](t)(attend.New(d, attend.Shape{Key: s, Value: s, Fast: true}.For(1, heads/kvHeads)))
			for i := range layers {
				layers[i].keys, layers[i].vals = gputest.Must[*rows.Rows](t)(rows.New(d, s, true, kvHeads, room)), gputest.Must[*rows.Rows](t)(rows.New(d, s, false, kvHeads, room))
			}
			batch := &qkv.Batch{Tokens: 1, Q: qkv.View{Buffer: joint, At: 0, LD: (heads + 2*kvHeads) * dim}, K: qkv.View{Buffer: joint, At: heads * dim * 4, LD: (heads + 2*kvHeads) * dim},
				V: qkv.View{Buffer: joint, At: (heads + kvHeads) * dim * 4, LD: (heads + 2*kvHeads) * dim}, Positions: position, Cells: cell, Angles: angles, Queries: q}
			for _, one := range strings.Split(*tokenShares, ",") {
				f := gputest.Ints(t, strings.ReplaceAll(one, ":", ","))
				if n > 0 && f[2] == 0 {
					continue
				}
				for i := range layers {
					for k, m := range layers[i].matrices {
						layers[i].products[k] = gputest.Must[*Kernel](t)(newKernel(d, Spec{Matrix: m, Gated: k == 2, Act: []Activation{None, None, SiLU, None}[k]}, share{f[0], f[1], f[2] << 10, f[3]}))
					}
				}
				step := gputest.Must[gpu.Kernel](t)(d.Frame("step", "step", gpu.Define{Name: "WIDTH", Value: width}, gpu.Define{Name: "THREADS", Value: 1024}))
				norm := func(i int) error {
					a := args.Step{X: x.Address(), Y: y.Address(), H: h.Address(), Scale: 1, Pre: args.Norm{W: norms[i].Address(), Eps: 1e-5, Kind: 1}}
					return step.Launch(gpu.Grid{X: 1, Threads: 1024}, &a)
				}
				fmt.Printf("%-8s %4d %6d %5d %5d", cache, f[0], f[1], f[2], f[3])
				for _, part := range parts {
					body := func() error {
						for i := range layers {
							l := &layers[i]
							for _, op := range []struct {
								name string
								run  func() error
							}{
								{"norms", func() error { return norm(2 * i) }},
								{"QKV", func() error { return l.products[0].Run(joint, h, 1) }},
								{"heads", func() error {
									return hd.Run(&qkv.Layer{Heads: heads, Pairing: rope.Pairing{Pairs: dim / 2, Adjacent: false}, Keys: l.keys, Values: l.vals}, batch)
								}},
								{"attention", func() error {
									return at.Run(&attend.Layer{Heads: heads, Scale: .088, Keys: l.keys, Values: l.vals, Cells: held}, q, a, &attend.Batch{Positions: position, Queries: 1}, 0)
								}},
								{"output", func() error { return l.products[1].Run(y, a, 1) }},
								{"norms", func() error { return norm(2*i + 1) }},
								{"gate, up", func() error { return l.products[2].Run(g, h, 1) }},
								{"down", func() error { return l.products[3].Run(y, g, 1) }},
							} {
								product := op.name == "QKV" || op.name == "output" || op.name == "gate, up" || op.name == "down"
								if part == "all" || part == op.name || part == "products" && product || part == "others" && !product || strings.HasPrefix(part, "no ") && part != "no "+op.name {
									if err := op.run(); err != nil {
										return err
									}
								}
							}
						}
						return nil
					}
					gputest.Check(t, body())
					gputest.Check(t, d.Sync())
					graph := gputest.Must[*gpu.Recording](t)(d.Record(body))
					gputest.Time(t, d, 3, graph.Launch)
					fmt.Printf(" %9.2f", float64(gputest.Median(gputest.Time(t, d, 15, graph.Launch)))*1000/float64(len(layers)))
					gputest.Check(t, graph.Close())
				}
				fmt.Println()
			}
			for i := range layers {
				gputest.Check(t, layers[i].keys.Free())
				gputest.Check(t, layers[i].vals.Free())
			}
		}
		for i := range layers {
			for _, m := range layers[i].matrices {
				gputest.Check(t, m.Free())
			}
		}
	}
}

// TestBenchHeads prints what norms, RoPE and storing the rows of a token cost, one launch after
// another, 32 query heads and 8 KV heads of 128.
func TestBenchHeads(t *testing.T) {
	const layers, heads, kvHeads, dim, room = 32, 32, 8, 128, 4096
	d := gputest.Open(t)
	turns := gputest.Must[*rope.Kernel](t)(rope.New(d))
	angles := gputest.Must[*rope.Angles](t)(rope.NewAngles(d, gputest.Geometric(dim/2, 1e6), 1, 1))
	position := gputest.Upload(t, d, []int32{5})
	gputest.Check(t, turns.Fill(angles, position, 1))
	joint, q := gputest.Upload(t, d, gputest.Normal(2, (heads+2*kvHeads)*dim)), gputest.Upload(t, d, gputest.Normal(3, heads*dim))
	for _, name := range strings.Split(*headTypes, ",") {
		s := rows.Side{Type: kernels.Default().ByName(name), Dim: dim}
		h := gputest.Must[*qkv.Kernel](t)(qkv.New(d, rows.Pair{Key: s, Value: s}))
		var keys, values []*rows.Rows
		for range layers {
			keys, values = append(keys, gputest.Must[*rows.Rows](t)(rows.New(d, s, true, kvHeads, room))), append(values, gputest.Must[*rows.Rows](t)(rows.New(d, s, false, kvHeads, room)))
		}
		batch := &qkv.Batch{Tokens: 1, Q: qkv.View{Buffer: joint, At: 0, LD: (heads + 2*kvHeads) * dim}, K: qkv.View{Buffer: joint, At: heads * dim * 4, LD: (heads + 2*kvHeads) * dim},
			V: qkv.View{Buffer: joint, At: (heads + kvHeads) * dim * 4, LD: (heads + 2*kvHeads) * dim}, Positions: position, Cells: position, Angles: angles, Queries: q}
		body := func() error {
			for i := range layers {
				if err := h.Run(&qkv.Layer{Heads: heads, Pairing: rope.Pairing{Pairs: dim / 2, Adjacent: false}, Keys: keys[i], Values: values[i]}, batch); err != nil {
					return err
				}
			}
			return nil
		}
		gputest.Check(t, body())
		gputest.Check(t, d.Sync())
		g := gputest.Must[*gpu.Recording](t)(d.Record(body))
		gputest.Time(t, d, 5, g.Launch)
		fmt.Printf("%-8s %6.2f us\n", name, float64(gputest.Median(gputest.Time(t, d, 25, g.Launch)))*1000/layers)
		gputest.Check(t, g.Close())
		for i := range layers {
			gputest.Check(t, keys[i].Free())
			gputest.Check(t, values[i].Free())
		}
	}
}

// repeated is a matrix of few rows again and again.
func repeated(t testing.TB, d *gpu.Queue, typ *kernels.Type, rows, n int) *Matrix {
	packed := packedRows(t, typ, 1, 64, n)
	return gputest.Must[*Matrix](t)(NewMatrix(d, typ, n, rows, func(p []byte, at int64) error {
		for done := 0; done < len(p); {
			done += copy(p[done:], packed[(at+int64(done))%int64(len(packed)):])
		}
		return nil
	}))
}
