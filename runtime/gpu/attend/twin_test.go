//go:build emulate || gpu

package attend

import (
	"bytes"
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// twin is one layer with a cache on the processor and the same on the device. What one does the
// other does too, and what they hold and compute is compared.
type twin struct {
	t      testing.TB
	d      *gpu.Queue
	layer  attention.Layer
	offset *attention.Offset
	cache  *kv.Cache
	driver *attention.Driver
	seed   uint64
	all    [2][]float32 // [positions] keys and values that were stored

	gpu     *Layer
	attend  *Kernel
	prefill *Prefill // computes in its place, if it is there
	take    *rows.Evict
	place   *cells.Place
}

// keyRope is a position encoding of the keys of a twin that has an offset.
type keyRope struct {
	freq      []float64
	adjacent  bool
	magnitude float32
}

// setting is what a twin is made of.
type setting struct {
	name     string
	layer    attention.Layer
	policy   kv.Policy
	rope     *keyRope // keys have an offset
	size     int      // of the cache
	batch    int
	fast     bool
	warps    int
	rows     int // query rows of a block, or fewer if it cannot hold them; 0 for the default
	capacity int // of the packed rows on the device, where it is more than the cache needs
	prefill  bool
}

func sideOf(s *kv.Side) rows.Side { return rows.Side{Type: s.Type, Rotation: s.Rotation, Dim: s.Dim} }

func newTwin(t testing.TB, d *gpu.Queue, s setting) *twin {
	t.Helper()
	pool := cpu.NewPool(1, nil)
	t.Cleanup(pool.Close)
	l := s.layer
	if l.Scale == 0 {
		l.Scale = float32(1 / math.Sqrt(float64(l.KeyDim)))
	}
	plan := gputest.Must[*kv.Plan](t)(kv.NewPlan([]kv.Layer{{Heads: l.KVHeads, KeyDim: l.KeyDim, ValueDim: l.ValueDim, Window: l.Window}}, s.policy))
	w := &twin{t: t, d: d, layer: l, cache: gputest.Must[*kv.Cache](t)(kv.New(plan, s.size, s.batch)), driver: attention.New(pool, kernels.Default()), seed: 100}
	w.gpu = &Layer{Heads: l.Heads, Scale: l.Scale, SoftCap: l.SoftCap, Window: l.Window}
	if l.Sinks != nil {
		w.gpu.Sinks = gputest.Upload(t, d, l.Sinks)
	}
	var sides []rows.Pair
	for i, p := range w.cache.Rows(0).Segments() {
		pair := rows.Pair{Key: sideOf(p.K), Value: sideOf(p.V)}
		capacity := len(p.K.Head(0)) / p.K.RowBytes
		seg := rows.Segment{
			Keys:   gputest.Must[*rows.Rows](t)(rows.New(d, pair.Key, true, l.KVHeads, max(capacity, s.capacity))),
			Values: gputest.Must[*rows.Rows](t)(rows.New(d, pair.Value, false, l.KVHeads, max(capacity, s.capacity))),
			Cells:  gputest.Must[*cells.Cells](t)(cells.New(d, max(capacity, s.capacity))),
		}
		if sides = append(sides, pair); i == 0 {
			w.gpu.Keys, w.gpu.Values, w.gpu.Cells = seg.Keys, seg.Values, seg.Cells
		} else {
			w.gpu.Exact = &seg
		}
	}
	a := Shape{Key: sides[0].Key, Value: sides[0].Value, SoftCap: l.SoftCap > 0, Fast: s.fast, Warps: s.warps}
	if len(sides) > 1 {
		a.Exact = &sides[1]
		w.take = gputest.Must[*rows.Evict](t)(rows.NewEvict(d, sides[0], sides[1]))
	}
	if r := s.rope; r != nil {
		a.Offset = &rope.Pairing{Pairs: len(r.freq), Adjacent: r.adjacent}
		mu := gputest.Normal(8, l.KVHeads*l.KeyDim)
		for i := range mu {
			mu[i] *= 2
		}
		w.offset = &attention.Offset{Mu: mu, Rope: attention.NewRope(kernels.Default(), l.KeyDim, r.freq, r.adjacent, r.magnitude, s.size)}
		w.gpu.Offset = &Offset{Mu: gputest.Upload(t, d, mu), Rope: gputest.Must[*rope.Tables](t)(rope.NewTables(d, r.freq, r.adjacent, r.magnitude, s.size))}
	}
	if s.rows > 0 {
		a = a.For(s.rows, 1)
	}
	if s.prefill {
		w.prefill = gputest.Must[*Prefill](t)(NewPrefill(d, a))
	} else {
		w.attend = gputest.Must[*Kernel](t)(New(d, a))
	}
	w.place = gputest.Must[*cells.Place](t)(cells.NewPlace(d))
	return w
}

// packed is the rows that are not kept exact.
func (w *twin) packed() *rows.Segment {
	return &rows.Segment{Keys: w.gpu.Keys, Values: w.gpu.Values, Cells: w.gpu.Cells}
}

// mirror brings the device's cells to the state of the processor's.
func (w *twin) mirror() {
	w.t.Helper()
	segments := w.cache.Rows(0).Segments()
	gputest.Check(w.t, w.gpu.Cells.Mirror(segments[0].K.Cells))
	if w.gpu.Exact != nil {
		gputest.Check(w.t, w.gpu.Exact.Cells.Mirror(segments[1].K.Cells))
	}
}

// store puts n random tokens into both caches; after each step of it then is called.
func (w *twin) store(n int, then func(first, n int)) {
	w.t.Helper()
	gputest.Check(w.t, w.cache.Place(n))
	l, rows := w.layer, w.cache.Rows(0)
	ldk, ldv := l.KVHeads*l.KeyDim, l.KVHeads*l.ValueDim
	k, v := gputest.Normal(w.seed, n*ldk), gputest.Normal(w.seed+1, n*ldv)
	w.seed += 2
	at := w.cache.Len() - n
	w.all[0], w.all[1] = append(w.all[0][:at*ldk], k...), append(w.all[1][:at*ldv], v...)
	var ws kernels.Workspace
	for lo, step := 0, 0; lo < n; lo += step {
		if step = n; rows.Exact() {
			step = rows.Next()
		}
		if from, to := rows.Evictions(); from != nil {
			gputest.Check(w.t, w.take.Run(w.packed(), w.gpu.Exact, gputest.Upload(w.t, w.d, from), gputest.Upload(w.t, w.d, to), len(from)))
		}
		to := w.gpu.segments()[rows.Target()]
		cells := gputest.Upload(w.t, w.d, rows.Segments()[rows.Target()].K.Cells.Batch())
		gputest.Check(w.t, to.Keys.Store(gputest.Upload(w.t, w.d, k[lo*ldk:(lo+step)*ldk]), cells, step, nil))
		gputest.Check(w.t, to.Values.Store(gputest.Upload(w.t, w.d, v[lo*ldv:(lo+step)*ldv]), cells, step, nil))
		if rows.Exact() {
			rows.Store(&ws, k[lo*ldk:], ldk, v[lo*ldv:], ldv, 0, rows.Shares())
		} else {
			rows.Segments()[0].K.Store(&ws, k, ldk, 0, n)
			rows.Segments()[0].V.Store(&ws, v, ldv, 0, n)
		}
		w.mirror()
		if then != nil {
			then(at+lo, step)
		}
	}
}

// fill stores so many tokens in batches.
func (w *twin) fill(tokens, batch int) {
	w.t.Helper()
	for tokens > 0 {
		n := min(tokens, batch)
		w.store(n, nil)
		tokens -= n
	}
}

// same compares every row, as a file has it.
func (w *twin) same(what string) {
	w.t.Helper()
	for i, p := range w.cache.Rows(0).Segments() {
		g := w.gpu.segments()[i]
		for _, side := range []struct {
			cpu *kv.Side
			gpu *rows.Rows
		}{{p.K, g.Keys}, {p.V, g.Values}} {
			var cells []int32
			for c, pos := range side.cpu.Cells.Pos() {
				if pos >= 0 {
					cells = append(cells, int32(c))
				}
			}
			if len(cells) == 0 {
				continue
			}
			b := gputest.Exported(w.t, w.d, side.gpu, cells)
			for i, c := range cells {
				for h := range side.cpu.Heads {
					want := side.cpu.Head(h)[int(c)*side.cpu.RowBytes:][:side.cpu.RowBytes]
					if got := b[(i*side.cpu.Heads+h)*len(want):][:len(want)]; !bytes.Equal(got, want) {
						w.t.Fatalf("%s: %s, keys %t: row of cell %d, head %d is %x, want %x", what, side.cpu.Type.Name, side.gpu.Key, c, h, got, want)
					}
				}
			}
		}
	}
}

// run computes attention of the queries at positions on both, and returns the results.
func (w *twin) run(positions []int32, splits int) (got, want []float32) {
	w.t.Helper()
	l, n := w.layer, len(positions)
	q := gputest.Normal(w.seed, n*l.Heads*l.KeyDim)
	w.seed++
	want = make([]float32, n*l.Heads*l.ValueDim)
	b := attention.Batch{Layer: &l, KV: w.cache.Rows(0).Segments(), Pos: positions, Q: q, Out: want, Offset: w.offset}
	gputest.Check(w.t, w.driver.Run(&b))
	return w.device(q, positions, splits), want
}

// device is the device's result alone.
func (w *twin) device(q []float32, positions []int32, splits int) []float32 {
	w.t.Helper()
	got := make([]float32, len(positions)*w.layer.Heads*w.layer.ValueDim)
	for i := range got {
		got[i] = float32(math.NaN())
	}
	out := gputest.Upload(w.t, w.d, got)
	queries, b := gputest.Upload(w.t, w.d, q), &Batch{Positions: gputest.Upload(w.t, w.d, positions), Queries: len(positions)}
	if w.prefill != nil {
		gputest.Check(w.t, w.prefill.Run(w.gpu, queries, out, b, 0))
	} else {
		gputest.Check(w.t, w.attend.Run(w.gpu, queries, out, b, splits))
	}
	gputest.Check(w.t, gpu.Read(out, 0, got))
	return got
}

// relative is the distance of two results by the length of the second.
func relative(got, want []float32) float64 {
	var e, p float64
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		e, p = e+d*d, p+float64(w)*float64(w)
	}
	return math.Sqrt(e / p)
}
