//go:build emulate || gpu

package attend

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/ref"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

// The tests here run on what gputest.Open opens: see package gputest.

var (
	shard    = flag.Int("shard", 0, "which of -shards parts of the pairs")
	allPairs = flag.Bool("pairs", false, "attention of every pair of types")
	shards   = flag.Int("shards", 1, "into how many parts the pairs are cut, for several processes")
)

type shape struct {
	k, v, rotation        string
	dk, dv                int
	heads, kvHeads, cells int
	queries, window       int
	sinks, fast           bool
	cap                   float32
	splits                int
	blocks, warps, rows   int
}

func (c shape) String() string {
	return fmt.Sprintf("%s-%s-%d-%d-h%d.%d-c%d-q%d-w%d-s%d", c.k, c.v, c.dk, c.dv, c.heads, c.kvHeads, c.cells, c.queries, c.window, c.splits)
}

// conform runs one shape against the oracle and returns the relative error.
func conform(t testing.TB, d *gpu.Queue, c shape) float64 {
	t.Helper()
	key, value := rows.Side{Type: kernels.Default().ByName(c.k), Dim: c.dk}, rows.Side{Type: kernels.Default().ByName(c.v), Dim: c.dv}
	if c.rotation != "" {
		r := kernels.Default().RotationByName(c.rotation)
		if r.Fits(c.dk, key.Type.Quantised) == nil {
			key.Rotation = r
		}
		if r.Fits(c.dv, value.Type.Quantised) == nil {
			value.Rotation = r
		}
	}
	x, y := gputest.Normal(1, c.cells*c.kvHeads*c.dk), gputest.Normal(2, c.cells*c.kvHeads*c.dv)
	k, kPacked := gputest.Filled(t, d, key, true, c.kvHeads, c.cells, x)
	v, vPacked := gputest.Filled(t, d, value, false, c.kvHeads, c.cells, y)
	if !bytes.Equal(kPacked, gputest.Encoded(key, x)) || !bytes.Equal(vPacked, gputest.Encoded(value, y)) {
		t.Errorf("%v: packed rows are not those of the CPU kernels", c)
	}
	a := gputest.Must[*Kernel](t)(New(d, Shape{Key: key, Value: value, Fast: c.fast, SoftCap: c.cap > 0, Blocks: c.blocks, Warps: c.warps, Rows: c.rows}))
	q := gputest.Normal(3, c.queries*c.heads*c.dk)
	l := &Layer{Heads: c.heads, Scale: float32(1 / math.Sqrt(float64(c.dk))), SoftCap: c.cap, Window: c.window, Keys: k, Values: v, Cells: gputest.InOrder(t, d, c.cells, 0)}
	var sinks []float32
	if c.sinks {
		sinks = gputest.Normal(4, c.heads)
		l.Sinks = gputest.Upload(t, d, sinks)
	}
	nan := make([]float32, c.queries*c.heads*c.dv)
	for i := range nan {
		nan[i] = float32(math.NaN())
	}
	out := gputest.Upload(t, d, nan)
	first := c.cells - c.queries
	b := &Batch{Positions: gputest.Upload(t, d, gputest.Sequence(first, c.queries)), Queries: c.queries}
	gputest.Check(t, a.Run(l, gputest.Upload(t, d, q), out, b, c.splits))
	got := make([]float32, len(nan))
	gputest.Check(t, gpu.Read(out, 0, got))
	oracle := ref.Attention{Heads: c.heads, KVHeads: c.kvHeads, KeyDim: c.dk, ValueDim: c.dv, Scale: float64(l.Scale), Softcap: float64(c.cap), Window: c.window, Sinks: sinks}
	want := oracle.Run(q, gputest.Decoded(key, kPacked), gputest.Decoded(value, vPacked), first)
	var e, p float64
	for i, w := range want {
		e, p = e+(float64(got[i])-w)*(float64(got[i])-w), p+w*w
	}
	return math.Sqrt(e / p)
}

const exactLimit, fastLimit = 4e-4, 1e-2

func TestConformance(t *testing.T) {
	d := gputest.Open(t)
	t.Logf("%+v", d.Limits())
	var types []*kernels.Type
	for _, typ := range kernels.Default().Types() {
		if typ.KV {
			types = append(types, typ)
		}
	}
	worst := map[bool]float64{}
	run := func(c shape) {
		e := conform(t, d, c)
		worst[c.fast] = max(worst[c.fast], e)
		limit := exactLimit
		if c.fast {
			limit = fastLimit
		}
		if !(e < limit) {
			t.Errorf("%v: relative error %.2g", c, e)
		}
	}
	n := 0
	dims := []int{40, 64, 72, 80, 96, 112, 128, 192, 256, 512, 576}
	for i, k := range types {
		for j, v := range types {
			if !*allPairs && j != (5*i+7)%len(types) {
				continue
			}
			var fits []int
			for _, dim := range dims {
				if k.Fits(dim) == nil && v.Fits(dim) == nil {
					fits = append(fits, dim)
				}
			}
			if n++; n%*shards != *shard {
				continue
			}
			dim := fits[n%len(fits)]
			c := shape{k: k.Name, v: v.Name, dk: dim, dv: dim, heads: 1 + n%16, kvHeads: 1, cells: []int{1, 31, 33, 100, 257, 700}[n%6], queries: 1, splits: 1 + n%3, fast: n%4 == 0, rows: 4 << (n % 3)}
			c.queries = min(c.cells, []int{1, 1, 7}[n%3])
			run(c)
		}
	}
	for _, c := range shapes() {
		run(c)
		if kernels.Default().ByName(c.k).Quantised && !gputest.Emulating {
			c.fast = true
			run(c)
		}
	}
	t.Logf("%d pairs; largest relative error %.2g, with levels of a byte %.2g", n, worst[false], worst[true])
}

// shapes are those with something of their own: a window, sinks, a soft cap, a transform, heads of
// two sizes, more rows than a block takes at a time. Under emulation they are small.
func shapes() []shape {
	if gputest.Emulating {
		return []shape{
			{k: "lm4_128", v: "lm4_128", dk: 128, dv: 128, heads: 8, kvHeads: 2, cells: 77, queries: 1, splits: 3, warps: 2, rows: 4},
			{k: "lm3_64", v: "lm3_128", dk: 64, dv: 128, heads: 3, kvHeads: 1, cells: 70, queries: 5, splits: 2, window: 40, warps: 2, rows: 16},
			{k: "q4_0", v: "q4_1", dk: 96, dv: 64, heads: 4, kvHeads: 1, cells: 45, queries: 1, splits: 1, sinks: true, rotation: "attn32", warps: 2},
			{k: "q8_0", v: "turbo4", dk: 64, dv: 64, heads: 12, kvHeads: 1, cells: 33, queries: 1, splits: 1, cap: 3, warps: 2},
			{k: "f16", v: "f32", dk: 40, dv: 40, heads: 2, kvHeads: 2, cells: 100, queries: 3, splits: 2, warps: 2, rows: 4},
			{k: "bf16", v: "f16", dk: 80, dv: 128, heads: 2, kvHeads: 1, cells: 64, queries: 1, splits: 1, warps: 2},
			{k: "lm6_32", v: "lm5_64", dk: 64, dv: 192, heads: 8, kvHeads: 1, cells: 64, queries: 1, splits: 1, warps: 2},
			{k: "xm4_64", v: "xm3_128", dk: 64, dv: 128, heads: 4, kvHeads: 2, cells: 66, queries: 1, splits: 2, warps: 2},
			{k: "xm5_32", v: "xm4_64", dk: 96, dv: 64, heads: 3, kvHeads: 1, cells: 50, queries: 3, splits: 1, warps: 2},
			{k: "turbo3", v: "turbo2", dk: 256, dv: 512, heads: 8, kvHeads: 1, cells: 64, queries: 1, splits: 1, warps: 2},
			{k: "q4_1", v: "q5_1", dk: 576, dv: 576, heads: 8, kvHeads: 1, cells: 64, queries: 1, splits: 1, warps: 2},
			{k: "turbo4", v: "turbo4", dk: 128, dv: 128, heads: 8, kvHeads: 1, cells: 40, queries: 1, splits: 1, fast: true, warps: 2},
			{k: "turbo4", v: "turbo3", dk: 128, dv: 128, heads: 4, kvHeads: 1, cells: 200, queries: 1, splits: 2, warps: 6, rows: 4},
			{k: "f32", v: "iq4_nl", dk: 128, dv: 128, heads: 4, kvHeads: 1, cells: 64, queries: 1, splits: 2, warps: 2},
		}
	}
	return []shape{
		{k: "lm4_128", v: "lm4_128", dk: 128, dv: 128, heads: 32, kvHeads: 8, cells: 4099, queries: 1, rows: 4},
		{k: "lm3_128", v: "lm3_128", dk: 128, dv: 128, heads: 32, kvHeads: 8, cells: 4099, queries: 1, window: 1000},
		{k: "turbo4", v: "turbo4", dk: 128, dv: 128, heads: 32, kvHeads: 8, cells: 2000, queries: 1, sinks: true, rows: 4},
		{k: "turbo3", v: "turbo3", dk: 128, dv: 128, heads: 32, kvHeads: 8, cells: 2000, queries: 3, cap: 2},
		{k: "q4_0", v: "q8_0", dk: 128, dv: 64, heads: 12, kvHeads: 2, cells: 1000, queries: 1, rotation: "attn"},
		{k: "q4_1", v: "q5_1", dk: 256, dv: 128, heads: 8, kvHeads: 1, cells: 1000, queries: 40, rotation: "attn128", window: 100, sinks: true},
		{k: "f16", v: "f16", dk: 128, dv: 128, heads: 32, kvHeads: 8, cells: 3000, queries: 1, rows: 4},
		{k: "f16", v: "f32", dk: 40, dv: 40, heads: 2, kvHeads: 2, cells: 300, queries: 33},
		{k: "bf16", v: "f16", dk: 112, dv: 576, heads: 16, kvHeads: 1, cells: 300, queries: 2},
	}
}

// TestSame runs attention twice: the result has the same bits.
func TestSame(t *testing.T) {
	d := gputest.Open(t)
	s := rows.Side{Type: kernels.Default().ByName("lm4_128"), Dim: 128}
	cells, times := 3000, 20
	if gputest.Emulating {
		cells, times = 100, 2
	}
	x := gputest.Normal(1, cells*8*128)
	k, _ := gputest.Filled(t, d, s, true, 8, cells, x)
	v, _ := gputest.Filled(t, d, s, false, 8, cells, x)
	a := gputest.Must[*Kernel](t)(New(d, Shape{Key: s, Value: s}))
	q, out := gputest.Upload(t, d, gputest.Normal(3, 32*128)), gputest.Upload(t, d, make([]float32, 32*128))
	l := &Layer{Heads: 32, Scale: .1, Keys: k, Values: v, Cells: gputest.InOrder(t, d, cells, 0)}
	b := &Batch{Positions: gputest.Upload(t, d, gputest.Sequence(cells-1, 1)), Queries: 1}
	var first []float32
	for range times {
		gputest.Check(t, a.Run(l, q, out, b, 0))
		got := make([]float32, 32*128)
		gputest.Check(t, gpu.Read(out, 0, got))
		if first == nil {
			first = got
		}
		for i := range got {
			if math.Float32bits(got[i]) != math.Float32bits(first[i]) {
				t.Fatalf("output %d is %g and %g", i, first[i], got[i])
			}
		}
	}
}
