//go:build emulate || gpu

package attend

import (
	"fmt"
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/ref"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// prefillLimit is how far prefill may be from attention in f64 over the same rows: operands have 11
// bits.
const prefillLimit = 1e-3

// prefillCase is a shape of prefill.
type prefillCase struct {
	k, v, rotation string
	dk, dv         int
	heads, kvHeads int
	cells, queries int
	window         int
	sinks          bool
	cap            float32
	band           uint64 // bytes of unpacked rows, 0 for the default
}

func (c prefillCase) String() string {
	return fmt.Sprintf("%s-%s%s-%d-%d-h%d.%d-c%d-q%d-w%d", c.k, c.v, c.rotation, c.dk, c.dv, c.heads, c.kvHeads, c.cells, c.queries, c.window)
}

// prefilled is the relative error of a shape against the oracle.
func prefilled(t *testing.T, d *gpu.Queue, c prefillCase) float64 {
	t.Helper()
	key, value := gputest.ChoiceSide(c.k, c.rotation, c.dk), gputest.ChoiceSide(c.v, c.rotation, c.dv)
	x, y := gputest.Normal(1, c.cells*c.kvHeads*c.dk), gputest.Normal(2, c.cells*c.kvHeads*c.dv)
	k, kPacked := gputest.Filled(t, d, key, true, c.kvHeads, c.cells, x)
	v, vPacked := gputest.Filled(t, d, value, false, c.kvHeads, c.cells, y)
	a := gputest.Must[*Prefill](t)(NewPrefill(d, Shape{Key: key, Value: value, Fast: true, SoftCap: c.cap > 0}))
	if c.band > 0 {
		a.bandBytes = c.band
	}
	l := &Layer{Heads: c.heads, Scale: float32(1 / math.Sqrt(float64(c.dk))), SoftCap: c.cap, Window: c.window, Keys: k, Values: v, Cells: gputest.InOrder(t, d, c.cells, 0)}
	var sinks []float32
	if c.sinks {
		sinks = gputest.Normal(4, c.heads)
		l.Sinks = gputest.Upload(t, d, sinks)
	}
	got := make([]float32, c.queries*c.heads*c.dv)
	for i := range got {
		got[i] = float32(math.NaN())
	}
	q, out, first := gputest.Normal(3, c.queries*c.heads*c.dk), gputest.Upload(t, d, got), c.cells-c.queries
	b := &Batch{Positions: gputest.Upload(t, d, gputest.Sequence(first, c.queries)), Queries: c.queries}
	gputest.Check(t, a.Run(l, gputest.Upload(t, d, q), out, b, 0))
	gputest.Check(t, gpu.Read(out, 0, got))
	oracle := ref.Attention{Heads: c.heads, KVHeads: c.kvHeads, KeyDim: c.dk, ValueDim: c.dv, Scale: float64(l.Scale), Softcap: float64(c.cap), Window: c.window, Sinks: sinks}
	want := oracle.Run(q, gputest.Decoded(key, kPacked), gputest.Decoded(value, vPacked), first)
	var e, p float64
	for i, w := range want {
		e, p = e+(float64(got[i])-w)*(float64(got[i])-w), p+w*w
	}
	return math.Sqrt(e / p)
}

// TestPrefill holds prefill to the oracle: every type as keys and as values, beside others, with
// -pairs every pair; and shapes with something of their own. Under emulation it is a fifth of them.
func TestPrefill(t *testing.T) {
	d := gputest.Open(t)
	worst, n := 0.0, 0
	run := func(c prefillCase) {
		e := prefilled(t, d, c)
		if worst = max(worst, e); !(e < prefillLimit) {
			t.Errorf("%v: relative error %.2g", c, e)
		}
	}
	var types []*kernels.Type
	for _, typ := range kernels.Default().Types() {
		if typ.KV {
			types = append(types, typ)
		}
	}
	for i, k := range types {
		for j, v := range types {
			if !*allPairs && j != (5*i+7)%len(types) {
				continue
			}
			var fits []int
			for _, dim := range []int{40, 64, 80, 96, 112, 128, 192, 256, 512, 576} {
				if k.Fits(dim) == nil && v.Fits(dim) == nil {
					fits = append(fits, dim)
				}
			}
			if n++; n%*shards != *shard || gputest.Emulating && !*allPairs && n%5 != 0 {
				continue
			}
			dim := fits[n%len(fits)]
			if gputest.Emulating {
				dim = fits[n%min(3, len(fits))]
			}
			run(prefillCase{k: k.Name, v: v.Name, dk: dim, dv: dim, heads: 1 + n%4, kvHeads: 1, cells: []int{70, 31, 130}[n%3], queries: 1 + n%23, rotation: []string{"", "attn32"}[n%2]})
		}
	}
	for _, c := range []prefillCase{
		{k: "f16", v: "f16", dk: 128, dv: 128, heads: 8, kvHeads: 2, cells: 140, queries: 70},
		{k: "turbo4", v: "turbo4", dk: 128, dv: 128, heads: 4, kvHeads: 2, cells: 100, queries: 40, band: 1},
		{k: "q8_0", v: "f16", dk: 64, dv: 96, heads: 3, kvHeads: 1, cells: 330, queries: 90, window: 50},
		{k: "f16", v: "q4_0", dk: 64, dv: 64, heads: 2, kvHeads: 1, cells: 200, queries: 130, sinks: true, cap: 3},
		{k: "bf16", v: "f32", dk: 72, dv: 40, heads: 6, kvHeads: 3, cells: 65, queries: 33},
		{k: "f16", v: "f16", dk: 256, dv: 256, heads: 2, kvHeads: 1, cells: 100, queries: 40},
		{k: "f16", v: "q8_0", dk: 192, dv: 128, heads: 2, kvHeads: 2, cells: 90, queries: 40},
		{k: "q8_0", v: "q8_0", dk: 576, dv: 512, heads: 8, kvHeads: 1, cells: 70, queries: 9},
		{k: "f16", v: "f16", dk: 64, dv: 64, heads: 1, kvHeads: 1, cells: 1300, queries: 3},
	} {
		run(c)
		if !gputest.Emulating {
			c.cells, c.queries = 9*c.cells, 7*c.queries
			run(c)
		}
	}
	t.Logf("%d pairs; largest relative error %.2g", n, worst)
}

// TestPrefillContract is TestContract for prefill: offsets, exact ends, windows, rings, sinks.
func TestPrefillContract(t *testing.T) {
	d := gputest.Open(t)
	for _, s := range settings() {
		t.Run(s.name, func(t *testing.T) {
			s.fast, s.prefill = true, true
			w := newTwin(t, d, s)
			worst := 0.0
			compare := func(first, n int) {
				t.Helper()
				got, want := w.run(gputest.Sequence(first, n), 0)
				if e := relative(got, want); !(e < prefillLimit) {
					t.Errorf("queries %d to %d: relative error %.2g", first, first+n-1, e)
				} else {
					worst = max(worst, e)
				}
			}
			w.store(min(s.batch, 9), compare)
			w.fill(s.size-s.size/8-w.cache.Len(), s.batch)
			at := w.cache.Len()
			compare(at-min(s.batch, 5), min(s.batch, 5))
			w.store(min(s.batch, s.size-at), compare)
			w.same("filled")
			t.Logf("largest relative error %.2g", worst)
		})
	}
}

// TestPrefillNothing has queries at no position, beside others and alone: they see nothing.
func TestPrefillNothing(t *testing.T) {
	d := gputest.Open(t)
	w := newTwin(t, d, setting{size: 300, batch: 200, fast: true, prefill: true, layer: attention.Layer{Heads: 3, KVHeads: 1, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: gputest.Choice("f16", ""), V: gputest.Choice("q8_0", "")}})
	w.fill(200, 200)
	q := gputest.Normal(5, 3*3*64)
	got, row := w.device(q, []int32{199, -1, 100}, 0), 3*64
	for i, v := range got[row : 2*row] {
		if v != 0 {
			t.Fatalf("output %d of a query at no position is %g", i, v)
		}
	}
	alone := w.device(q[2*row:], []int32{100}, 0)
	if e := relative(got[2*row:], alone); e > 1e-3 {
		t.Errorf("beside others: %.2g from the result alone", e)
	}
	for i, v := range w.device(q, []int32{-1, -1, -1}, 0) {
		if v != 0 {
			t.Fatalf("output %d of queries at no position is %g", i, v)
		}
	}
}

// TestPrefillHides has numbers that are none in rows that no query sees: results are as without.
func TestPrefillHides(t *testing.T) {
	d := gputest.Open(t)
	side, n := rows.Side{Type: kernels.Default().ByName("f16"), Dim: 64}, 100
	x := gputest.Normal(1, n*64)
	results := map[bool][]float32{}
	for _, hidden := range []bool{false, true} {
		if hidden {
			for i := 80 * 64; i < n*64; i++ {
				x[i] = float32(math.NaN())
			}
		}
		k, _ := gputest.Filled(t, d, side, true, 1, n, x)
		v, _ := gputest.Filled(t, d, side, false, 1, n, x)
		a := gputest.Must[*Prefill](t)(NewPrefill(d, Shape{Key: side, Value: side, Fast: true}))
		out := gputest.Upload(t, d, make([]float32, 10*64))
		l := &Layer{Heads: 1, Scale: .1, Keys: k, Values: v, Cells: gputest.InOrder(t, d, n, 0)}
		gputest.Check(t, a.Run(l, gputest.Upload(t, d, gputest.Normal(3, 10*64)), out, &Batch{Positions: gputest.Upload(t, d, gputest.Sequence(70, 10)), Queries: 10}, 0))
		results[hidden] = gputest.Read(t, out, 10*64)
	}
	gputest.SameBits(t, "rows that are no numbers", results[true], results[false])
}

// TestPrefillPaged holds prefill over the pages of several sequences to prefill over the rows of
// each.
func TestPrefillPaged(t *testing.T) {
	d := gputest.Open(t)
	lengths := []int{300, 40, 0, 330, 150}
	runs := []kv.Run{{Seq: 3, N: 70}, {Seq: 0, N: 1}, {Seq: short, N: 50}, {Seq: 1, N: 2}}
	for _, s := range []pagedCase{
		{k: "f16", v: "f16", dim: 64, heads: 6, kv: 2, odd: -1},
		{k: "q8_0", v: "q4_0", dim: 128, heads: 8, kv: 2, odd: 3, sinks: true},
		{k: "turbo4", v: "f16", dim: 128, heads: 2, kv: 2, window: 200, odd: 0},
	} {
		t.Run(fmt.Sprintf("%s-%s-%d", s.k, s.v, s.dim), func(t *testing.T) {
			x := newPaged(t, d, s, lengths)
			shape := Shape{Key: x.all.Keys.Side, Value: x.all.Values.Side, Fast: true, Paged: true}
			all := gputest.Must[*Prefill](t)(NewPrefill(d, shape))
			shape.Paged = false
			one := gputest.Must[*Prefill](t)(NewPrefill(d, shape))
			var at, table []int32
			for _, r := range runs {
				table = append(table, int32(len(at)), int32(r.N), int32(r.Seq), 0)
				at = append(at, gputest.Sequence(x.lengths[r.Seq]-r.N, r.N)...)
			}
			row := s.heads * s.dim
			q, out := gputest.Normal(4, len(at)*row), gputest.Upload(t, d, make([]float32, len(at)*row))
			positions := gputest.Upload(t, d, at)
			gputest.Check(t, all.Run(&x.all, gputest.Upload(t, d, q), out, &Batch{Positions: positions, Queries: len(at), Runs: runs, RunsAt: gputest.Upload(t, d, table)}, 0))
			got := gputest.Read(t, out, len(at)*row)
			for i, r := range runs {
				first := int(table[cells.Entry*i])
				alone := gputest.Upload(t, d, make([]float32, r.N*row))
				gputest.Check(t, one.Run(&x.each[r.Seq], gputest.Upload(t, d, q[first*row:][:r.N*row]), alone, &Batch{Positions: positions.Slice(uint64(4*first), uint64(4*r.N)), Queries: r.N}, 0))
				if e := relative(got[first*row:][:r.N*row], gputest.Read(t, alone, r.N*row)); !(e < prefillLimit) {
					t.Errorf("sequence %d: relative error %.2g", r.Seq, e)
				}
			}
		})
	}
}
