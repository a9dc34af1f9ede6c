//go:build gpu

package cuda

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/kvgen/kvgen/kernels"
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
	products   [4]*Multiply
	keys, vals *Rows
}

// TestBenchToken prints what a layer costs in a graph of layers as a token runs through them: norm, Q, K and V, heads, attention, output,
// norm, gate and up, down; of a llama of 4096 values, 32 query and 8 KV heads of 128, 14336 in between.
func TestBenchToken(t *testing.T) {
	const width, heads, kvHeads, dim, inner, room = 4096, 32, 8, 128, 14336, 32768
	d, c := gpu(t)
	big := must[*Memory](t)(d.Alloc(4 << 30))
	bandwidth := readRate(t, d, c, big)
	check(t, big.Free())
	turns := must[*Turns](t)(d.NewTurns(c))
	angles := must[*Angles](t)(d.NewAngles(geometric(dim/2, 1e6), 1, 1))
	position, cell := upload(t, d, []int32{int32(*tokenCells - 1)}), upload(t, d, []int32{int32(*tokenCells - 1)})
	cells := must[*Cells](t)(d.NewCells(room))
	check(t, Write(cells.Positions, 0, sequence(0, room)))
	check(t, Write(cells.Head, 0, HeadOf(*tokenCells, 0, true)))
	x, h, y := upload(t, d, normal(1, width)), upload(t, d, normal(2, width)), upload(t, d, normal(3, width))
	qkv, q, a, g := upload(t, d, normal(4, (heads+2*kvHeads)*dim)), upload(t, d, normal(5, width)), upload(t, d, normal(6, width)), upload(t, d, normal(7, inner))
	var norms []*Memory
	for i := range 2 * *tokenLayers {
		norms = append(norms, upload(t, d, normal(uint64(10+i), width)))
	}
	check(t, turns.Fill(angles, position, 1))
	for _, weights := range strings.Split(*tokenWeights, ",") {
		typ := kernels.ByName(weights)
		layers := make([]tokenLayer, *tokenLayers)
		bytes := 0.0
		for i := range layers {
			for k, shape := range [][2]int{{(heads + 2*kvHeads) * dim, width}, {width, width}, {2 * inner, width}, {width, inner}} {
				layers[i].matrices[k] = repeated(t, d, c, typ, shape[0], shape[1])
				bytes += float64(layers[i].matrices[k].weights.Size) / float64(len(layers))
			}
		}
		fmt.Printf("%s, %s: %.1f MB a layer, %.1f us at the %.0f GB/s of a read\n", d.Name, weights, bytes/1e6, bytes/bandwidth/1e3, bandwidth)
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
			s := Side{Type: kernels.ByName(cache), Dim: dim}
			pair := Pair{s, s}
			hd := must[*Heads](t)(d.NewHeads(c, pair))
			at := must[*Attend](t)(d.NewAttend(c, Attention{Key: s, Value: s, Fast: true}.For(1, heads/kvHeads)))
			for i := range layers {
				layers[i].keys, layers[i].vals = must[*Rows](t)(d.NewRows(c, s, true, kvHeads, room)), must[*Rows](t)(d.NewRows(c, s, false, kvHeads, room))
			}
			batch := &HeadsBatch{Tokens: 1, Q: Place{qkv, 0, (heads + 2*kvHeads) * dim}, K: Place{qkv, heads * dim * 4, (heads + 2*kvHeads) * dim},
				V: Place{qkv, (heads + kvHeads) * dim * 4, (heads + 2*kvHeads) * dim}, Positions: position, Cells: cell, Angles: angles, Queries: q}
			for _, one := range strings.Split(*tokenShares, ",") {
				f := ints(t, strings.ReplaceAll(one, ":", ","))
				if n > 0 && f[2] == 0 {
					continue
				}
				for i := range layers {
					for k, m := range layers[i].matrices {
						layers[i].products[k] = must[*Multiply](t)(d.newProduct(c, Product{Matrix: m, Gated: k == 2, Act: []Act{NoAct, NoAct, SiLU, NoAct}[k]}, share{f[0], f[1], f[2] << 10, f[3]}))
					}
				}
				step := must[*Function](t)(must[*Module](t)(d.build(c, must[*Source](t)(frameSource(Generated, "step.cu", define{"WIDTH", width}, define{"THREADS", 1024})))).Function("step", 0)).Early()
				norm := func(i int) error {
					a := stepArgs{x: x.at, y: y.at, h: h.at, scale: 1, pre: norm{w: norms[i].at, eps: 1e-5, kind: 1}}
					return step.launch(1, 1, 1024, unsafe.Pointer(&a))
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
								{"QKV", func() error { return l.products[0].Run(qkv, h, 1) }},
								{"heads", func() error {
									return hd.Run(&HeadsLayer{Heads: heads, Pairing: Pairing{dim / 2, false}, Keys: l.keys, Values: l.vals}, batch)
								}},
								{"attention", func() error {
									return at.Run(&Layer{Heads: heads, Scale: .088, Keys: l.keys, Values: l.vals, Cells: cells}, q, a, &Batch{Positions: position, Queries: 1}, 0)
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
					check(t, body())
					check(t, d.Sync())
					graph := must[*Graph](t)(d.Record(body))
					must[[]float32](t)(d.Time(3, graph.Launch))
					fmt.Printf(" %9.2f", float64(median(must[[]float32](t)(d.Time(15, graph.Launch))))*1000/float64(len(layers)))
					check(t, graph.Close())
				}
				fmt.Println()
			}
			for i := range layers {
				check(t, layers[i].keys.Free())
				check(t, layers[i].vals.Free())
			}
		}
		for i := range layers {
			for _, m := range layers[i].matrices {
				check(t, m.Free())
			}
		}
	}
}

// TestBenchHeads prints what norms, RoPE and storing the rows of a token cost, one launch after another, 32 query heads and 8 KV heads of 128.
func TestBenchHeads(t *testing.T) {
	const layers, heads, kvHeads, dim, room = 32, 32, 8, 128, 4096
	d, c := gpu(t)
	turns := must[*Turns](t)(d.NewTurns(c))
	angles := must[*Angles](t)(d.NewAngles(geometric(dim/2, 1e6), 1, 1))
	position := upload(t, d, []int32{5})
	check(t, turns.Fill(angles, position, 1))
	qkv, q := upload(t, d, normal(2, (heads+2*kvHeads)*dim)), upload(t, d, normal(3, heads*dim))
	for _, name := range strings.Split(*headTypes, ",") {
		s := Side{Type: kernels.ByName(name), Dim: dim}
		h := must[*Heads](t)(d.NewHeads(c, Pair{s, s}))
		var keys, values []*Rows
		for range layers {
			keys, values = append(keys, must[*Rows](t)(d.NewRows(c, s, true, kvHeads, room))), append(values, must[*Rows](t)(d.NewRows(c, s, false, kvHeads, room)))
		}
		batch := &HeadsBatch{Tokens: 1, Q: Place{qkv, 0, (heads + 2*kvHeads) * dim}, K: Place{qkv, heads * dim * 4, (heads + 2*kvHeads) * dim},
			V: Place{qkv, (heads + kvHeads) * dim * 4, (heads + 2*kvHeads) * dim}, Positions: position, Cells: position, Angles: angles, Queries: q}
		body := func() error {
			for i := range layers {
				if err := h.Run(&HeadsLayer{Heads: heads, Pairing: Pairing{dim / 2, false}, Keys: keys[i], Values: values[i]}, batch); err != nil {
					return err
				}
			}
			return nil
		}
		check(t, body())
		check(t, d.Sync())
		g := must[*Graph](t)(d.Record(body))
		must[[]float32](t)(d.Time(5, g.Launch))
		fmt.Printf("%-8s %6.2f us, %d registers\n", name, float64(median(must[[]float32](t)(d.Time(25, g.Launch))))*1000/layers, must[int](t)(h.heads.Registers()))
		check(t, g.Close())
		for i := range layers {
			check(t, keys[i].Free())
			check(t, values[i].Free())
		}
	}
}

// repeated is a matrix of few rows again and again.
func repeated(t testing.TB, d *Device, c *Compiler, typ *kernels.Type, rows, n int) *Matrix {
	packed := packedRows(t, typ, 1, 64, n)
	return must[*Matrix](t)(d.NewMatrix(c, typ, n, rows, func(p []byte, at int64) error {
		for done := 0; done < len(p); {
			done += copy(p[done:], packed[(at+int64(done))%int64(len(packed)):])
		}
		return nil
	}))
}
