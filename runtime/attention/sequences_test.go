package attention_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

// several is a cache of several sequences with random rows.
type several struct {
	*setup
	r *rand.Rand
}

func newSeveral(t testing.TB, l attention.Layer, p kv.Policy, s kv.Shape) *several {
	t.Helper()
	plan, err := kv.NewPlan([]kv.Layer{{Heads: l.KVHeads, KeyDim: l.KeyDim, ValueDim: l.ValueDim, Window: l.Window}}, p)
	if err != nil {
		t.Fatal(err)
	}
	x := &several{setup: newSetup(t, l, f(t, "f32"), f(t, "f32"), 1), r: rand.New(rand.NewPCG(1, 2))}
	if x.cache, err = kv.NewShape(plan, s); err != nil {
		t.Fatal(err)
	}
	x.cache.Hold()
	return x
}

// place stores random rows. After each step it calls see with the tokens lo..hi-1 of the batch that
// were stored in it.
func (x *several) place(t testing.TB, runs []kv.Run, see func(lo, hi int)) {
	t.Helper()
	if err := x.cache.PlaceRuns(runs); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range runs {
		n += r.N
	}
	var ws kernels.Workspace
	ldk, ldv := x.layer.KVHeads*x.layer.KeyDim, x.layer.KVHeads*x.layer.ValueDim
	k, v := random(x.r.Uint64(), n*ldk), random(x.r.Uint64(), n*ldv)
	rows := x.cache.Rows(0)
	if !rows.Exact() {
		rows.Segments()[0].K.Store(&ws, k, ldk, 0, n)
		rows.Segments()[0].V.Store(&ws, v, ldv, 0, n)
		see(0, n)
		return
	}
	for lo, hi := 0, 0; lo < n; lo = hi {
		hi = lo + rows.Next()
		rows.Store(&ws, k[lo*ldk:], ldk, v[lo*ldv:], ldv, 0, rows.Shares())
		see(lo, hi)
	}
}

// held is the rows of a sequence below a position as the cache gives them back; those a window has
// let go are zero.
func (x *several) held(seq, n int) (k, v []float32) {
	l := x.layer
	k, v = make([]float32, n*l.KVHeads*l.KeyDim), make([]float32, n*l.KVHeads*l.ValueDim)
	var ws kernels.Workspace
	for _, pair := range x.cache.Rows(0).Segments() {
		for cell, p := range pair.K.Cells.Pos() {
			if p < 0 || int(p) >= n || !pair.K.Cells.Sets()[cell].Has(seq) {
				continue
			}
			for h := range l.KVHeads {
				pair.K.Read(&ws, k[(int(p)*l.KVHeads+h)*l.KeyDim:][:l.KeyDim], h, cell)
				pair.V.Read(&ws, v[(int(p)*l.KVHeads+h)*l.ValueDim:][:l.ValueDim], h, cell)
			}
		}
	}
	return k, v
}

// tokens is the positions and sequences of a batch that is placed next.
func (x *several) tokens(runs []kv.Run) (pos, seqs []int32) {
	for _, r := range runs {
		for i := range r.N {
			pos, seqs = append(pos, int32(x.cache.LenSeq(r.Seq)+i)), append(seqs, int32(r.Seq))
		}
	}
	return pos, seqs
}

// TestSequences mixes queries of several sequences that grow, share, go back and are dropped, and
// holds each to the oracle over what the cache has of its sequence alone.
func TestSequences(t *testing.T) {
	for _, threads := range []int{1, 3} {
		pool := cpu.NewPool(threads, nil)
		defer pool.Close()
		d := attention.New(pool, kernels.Default())
		for i, c := range []struct {
			name   string
			heads  int
			window int
			ends   kv.Ends
			fast   bool
			rope   int
		}{
			{"f32", 6, 0, kv.Ends{}, false, -1}, {"q8_0", 6, 0, kv.Ends{}, true, -1}, {"turbo4", 14, 0, kv.Ends{}, true, 0},
			{"q4_0", 4, 30, kv.Ends{First: 3, Last: 9}, false, 1}, {"f16", 6, 0, kv.Ends{First: 4, Last: 16}, true, 2}, {"lm4_64", 2, 50, kv.Ends{}, true, 4},
		} {
			l := attention.Layer{Heads: c.heads, KVHeads: 2, KeyDim: 64, ValueDim: 64, Scale: scale(64), Window: c.window}
			if i%2 == 1 {
				l.Sinks = random(3, c.heads)
			}
			p := kv.Policy{K: f(t, c.name), V: f(t, c.name), Ends: c.ends}
			x := newSeveral(t, l, p, kv.Shape{Size: 400, Batch: 200, Sequences: 6, Cells: 900})
			x.oracle.Window, x.oracle.Sinks = c.window, l.Sinks
			var o *attention.Offset
			if c.rope >= 0 {
				r := ropes[c.rope]
				o = &attention.Offset{Mu: random(8, 2*64), Rope: attention.NewRope(kernels.Default(), 64, r.freq, r.adjacent, r.magnitude, 400)}
			}
			step := func(runs ...kv.Run) {
				t.Helper()
				pos, seqs := x.tokens(runs)
				q := random(x.r.Uint64(), len(pos)*l.Heads*64)
				got := make([]float32, len(q))
				x.place(t, runs, func(lo, hi int) {
					b := attention.Batch{Layer: &x.layer, KV: x.cache.Rows(0).Segments(), Pos: pos[lo:hi], Seqs: seqs[lo:hi], Q: q[lo*l.Heads*64:],
						Out: got[lo*l.Heads*64:], Fast: c.fast, Offset: o}
					if err := d.Run(&b); err != nil {
						t.Fatal(err)
					}
					for j := lo; j < hi; j++ {
						x.verify(t, c.name, pos[j], seqs[j], q[j*l.Heads*64:][:l.Heads*64], got[j*l.Heads*64:][:l.Heads*64], o, c.fast, c.rope)
					}
				})
			}
			step(kv.Run{Seq: 0, N: 170})
			step(kv.Run{Seq: 0, N: 120}, kv.Run{Seq: 4, N: 37})
			for _, to := range []int{1, 2, 3} {
				if err := x.cache.CopySeq(0, to); err != nil {
					t.Fatal(err)
				}
			}
			all := []kv.Run{{Seq: 0, N: 1}, {Seq: 1, N: 1}, {Seq: 2, N: 1}, {Seq: 3, N: 1}, {Seq: 4, N: 1}}
			for range 12 {
				step(all...)
			}
			step(kv.Run{Seq: 3, N: 20}, kv.Run{Seq: 1, N: 9}, kv.Run{Seq: 5, N: 100})
			x.cache.RemoveSeq(2)
			if c.window == 0 {
				if err := x.cache.TruncateSeq(0, 270); err != nil {
					t.Fatal(err)
				}
			}
			step(kv.Run{Seq: 2, N: 3}, kv.Run{Seq: 0, N: 1}, kv.Run{Seq: 1, N: 1})
			if err := x.cache.ShiftSeq(1, 20, 60, func(int, []float32, int) {}); err != nil {
				t.Fatal(err)
			}
			x.cache.RemoveSeq(4)
			for range 4 {
				step(all...)
			}
		}
	}
}

// verify compares one query with the oracle.
func (x *several) verify(t *testing.T, name string, pos, seq int32, q, got []float32, o *attention.Offset, fast bool, rope int) {
	t.Helper()
	k, v := x.held(int(seq), int(pos)+1)
	x.oracle.Offset = nil
	if o != nil {
		r, l := ropes[rope], x.layer
		x.oracle.Offset = func(head, _, key int) float64 {
			sum := 0.0
			for i, y := range rotated(o.Mu[head/(l.Heads/l.KVHeads)*64:][:64], r.freq, r.adjacent, float64(r.magnitude), key) {
				sum += y * float64(q[head*64+i])
			}
			return sum
		}
	}
	tolerance := 3e-5
	if fast && name != "f16" {
		tolerance = .05
	}
	y := setup{layer: x.layer, oracle: x.oracle, cache: x.cache, k: k, v: v}
	want := y.oracle.Run(q, k, v, int(pos))
	for i, w := range want {
		if d := float64(got[i]) - w; !(d <= tolerance && d >= -tolerance) {
			t.Fatalf("%s: sequence %d, position %d: output %d is %g, want %g", name, seq, pos, i, got[i], w)
		}
	}
}

// TestUnsaidSequences refuses a batch that would see every sequence's rows.
func TestUnsaidSequences(t *testing.T) {
	pool := cpu.NewPool(1, nil)
	defer pool.Close()
	l := attention.Layer{Heads: 2, KVHeads: 2, KeyDim: 64, ValueDim: 64, Scale: 1}
	x := newSeveral(t, l, kv.Policy{K: f(t, "f32"), V: f(t, "f32")}, kv.Shape{Size: 8, Batch: 8, Sequences: 2})
	x.place(t, []kv.Run{{Seq: 1, N: 2}}, func(int, int) {})
	b := attention.Batch{Layer: &l, KV: x.cache.Rows(0).Segments(), Pos: []int32{1}, Q: make([]float32, 128), Out: make([]float32, 128)}
	if err := attention.New(pool, kernels.Default()).Run(&b); err == nil {
		t.Error("accepted")
	}
}

// BenchmarkSequences is one token each of 1 to 16 sequences, which share a prompt of 1024 positions
// and have 256 of their own, or have 1280 of their own.
func BenchmarkSequences(b *testing.B) {
	pool := cpu.NewPool(1, nil)
	defer pool.Close()
	d := attention.New(pool, kernels.Default())
	l := attention.Layer{Heads: 9, KVHeads: 3, KeyDim: 64, ValueDim: 64, Scale: scale(64)}
	for _, shared := range []int{1024, 0} {
		for _, n := range []int{1, 2, 4, 8, 16} {
			x := newSeveral(b, l, kv.Policy{K: f(b, "q8_0"), V: f(b, "q8_0")}, kv.Shape{Size: 1280, Batch: 64, Sequences: 17, Cells: shared + n*(1280-shared)})
			fill := func(seq, n int) {
				for range n / 64 {
					x.place(b, []kv.Run{{Seq: seq, N: 64}}, func(int, int) {})
				}
			}
			fill(0, shared)
			batch := attention.Batch{Layer: &l, KV: x.cache.Rows(0).Segments(), Fast: true, Q: random(1, n*9*64), Out: make([]float32, n*9*64)}
			for s := range n {
				if s > 0 && shared > 0 {
					x.cache.CopySeq(0, s)
					x.cache.TruncateSeq(s, shared)
				}
				fill(s, 1280-shared)
				batch.Pos, batch.Seqs = append(batch.Pos, 1279), append(batch.Seqs, int32(s))
			}
			b.Run(fmt.Sprintf("shared %d/%d", shared, n), func(b *testing.B) {
				for b.Loop() {
					d.Run(&batch)
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/token")
			})
		}
	}
}
