//go:build emulate || gpu

package cuda

import (
	"bytes"
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

// twin is one layer with a cache on the processor and the same on the device. What one does the other does too, and what they hold and
// compute is compared.
type twin struct {
	t      testing.TB
	d      *Device
	layer  attention.Layer
	offset *attention.Offset
	cache  *kv.Cache
	driver *attention.Driver
	seed   uint64
	all    [2][]float32 // [positions] keys and values that were stored

	gpu    *Layer
	attend *Attend
	take   *Take
	turns  *Turns
}

// rope is a position encoding of the keys of a twin that has an offset.
type rope struct {
	freq      []float64
	adjacent  bool
	magnitude float32
}

func geometric(n int, base float64) []float64 {
	freq := make([]float64, n)
	for i := range freq {
		freq[i] = math.Pow(base, -float64(i)/float64(n))
	}
	return freq
}

// setting is what a twin is made of.
type setting struct {
	name     string
	layer    attention.Layer
	policy   kv.Policy
	rope     *rope // keys have an offset
	size     int   // of the cache
	batch    int
	fast     bool
	warps    int
	rows     int // query rows of a block, or fewer if it cannot hold them; 0 for the default
	capacity int // of the packed rows on the device, where it is more than the cache needs
}

func choice(name, rotation string) kv.Choice {
	c := kv.Choice{Type: kernels.ByName(name)}
	if rotation != "" {
		c.Rotation = kernels.RotationByName(rotation)
	}
	return c
}

func sideOf(s *kv.Side) Side { return Side{Type: s.Type, Rotation: s.Rotation, Dim: s.Dim} }

func newTwin(t testing.TB, d *Device, c *Compiler, s setting) *twin {
	t.Helper()
	pool := cpu.NewPool(1, nil)
	t.Cleanup(pool.Close)
	l := s.layer
	if l.Scale == 0 {
		l.Scale = float32(1 / math.Sqrt(float64(l.KeyDim)))
	}
	plan := must[*kv.Plan](t)(kv.NewPlan([]kv.Layer{{Heads: l.KVHeads, KeyDim: l.KeyDim, ValueDim: l.ValueDim, Window: l.Window}}, s.policy))
	w := &twin{t: t, d: d, layer: l, cache: must[*kv.Cache](t)(kv.New(plan, s.size, s.batch)), driver: attention.New(pool), seed: 100}
	w.gpu = &Layer{Heads: l.Heads, Scale: l.Scale, SoftCap: l.SoftCap, Window: l.Window}
	if l.Sinks != nil {
		w.gpu.Sinks = upload(t, d, l.Sinks)
	}
	var sides []Pair
	for i, p := range w.cache.Rows(0).Segments() {
		pair := Pair{sideOf(p.K), sideOf(p.V)}
		capacity := len(p.K.Head(0)) / p.K.RowBytes
		seg := Segment{
			Keys:   must[*Rows](t)(d.NewRows(c, pair.Key, true, l.KVHeads, max(capacity, s.capacity))),
			Values: must[*Rows](t)(d.NewRows(c, pair.Value, false, l.KVHeads, max(capacity, s.capacity))),
			Cells:  must[*Cells](t)(d.NewCells(max(capacity, s.capacity))),
		}
		if sides = append(sides, pair); i == 0 {
			w.gpu.Keys, w.gpu.Values, w.gpu.Cells = seg.Keys, seg.Values, seg.Cells
		} else {
			w.gpu.Exact = &seg
		}
	}
	a := Attention{Key: sides[0].Key, Value: sides[0].Value, SoftCap: l.SoftCap > 0, Fast: s.fast, Warps: s.warps}
	if len(sides) > 1 {
		a.Exact = &sides[1]
		w.take = must[*Take](t)(d.NewTake(c, sides[0], sides[1]))
	}
	if r := s.rope; r != nil {
		a.Offset = &Pairing{len(r.freq), r.adjacent}
		mu := normal(8, l.KVHeads*l.KeyDim)
		for i := range mu {
			mu[i] *= 2
		}
		w.offset = &attention.Offset{Mu: mu, Turn: attention.NewTurn(l.KeyDim, r.freq, r.adjacent, r.magnitude, s.size)}
		w.gpu.Offset = &Offset{Mu: upload(t, d, mu), Turn: must[*Turn](t)(d.NewTurn(r.freq, r.adjacent, r.magnitude, s.size))}
	}
	if s.rows > 0 {
		a = a.For(s.rows, 1)
	}
	w.attend = must[*Attend](t)(d.NewAttend(c, a))
	w.turns = must[*Turns](t)(d.NewTurns(c))
	return w
}

// mirror brings the device's cells to the state of the processor's.
func (w *twin) mirror() {
	w.t.Helper()
	segments := w.cache.Rows(0).Segments()
	check(w.t, w.gpu.Cells.Mirror(segments[0].K.Cells))
	if w.gpu.Exact != nil {
		check(w.t, w.gpu.Exact.Cells.Mirror(segments[1].K.Cells))
	}
}

// store puts n random tokens into both caches; after each step of it then is called.
func (w *twin) store(n int, then func(first, n int)) {
	w.t.Helper()
	check(w.t, w.cache.Place(n))
	l, rows := w.layer, w.cache.Rows(0)
	ldk, ldv := l.KVHeads*l.KeyDim, l.KVHeads*l.ValueDim
	k, v := normal(w.seed, n*ldk), normal(w.seed+1, n*ldv)
	w.seed += 2
	at := w.cache.Len() - n
	w.all[0], w.all[1] = append(w.all[0][:at*ldk], k...), append(w.all[1][:at*ldv], v...)
	var ws kernels.Workspace
	for lo, step := 0, 0; lo < n; lo += step {
		if step = n; rows.Exact() {
			step = rows.Next()
		}
		if from, to := rows.Moves(); from != nil {
			check(w.t, w.take.Run(w.gpu, upload(w.t, w.d, from), upload(w.t, w.d, to), len(from)))
		}
		to := w.gpu.segments()[rows.Target()]
		cells := upload(w.t, w.d, rows.Segments()[rows.Target()].K.Cells.Batch())
		check(w.t, to.Keys.Store(upload(w.t, w.d, k[lo*ldk:(lo+step)*ldk]), cells, step, nil))
		check(w.t, to.Values.Store(upload(w.t, w.d, v[lo*ldv:(lo+step)*ldv]), cells, step, nil))
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
			gpu *Rows
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
			b := exported(w.t, w.d, side.gpu, cells)
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

// exported is rows of cells as a file has them.
func exported(t testing.TB, d *Device, r *Rows, cells []int32) []byte {
	t.Helper()
	packed := must[*Memory](t)(d.Alloc(uint64(len(cells) * r.Heads * r.FileRow())))
	defer packed.Free()
	check(t, r.Export(packed, upload(t, d, cells), len(cells)))
	b := make([]byte, packed.Size)
	check(t, Read(packed, 0, b))
	return b
}

// run computes attention of the queries at positions on both, and returns the results.
func (w *twin) run(positions []int32, splits int) (got, want []float32) {
	w.t.Helper()
	l, n := w.layer, len(positions)
	q := normal(w.seed, n*l.Heads*l.KeyDim)
	w.seed++
	want = make([]float32, n*l.Heads*l.ValueDim)
	b := attention.Batch{Layer: &l, KV: w.cache.Rows(0).Segments(), Pos: positions, Q: q, Out: want, Offset: w.offset}
	check(w.t, w.driver.Run(&b))
	return w.device(q, positions, splits), want
}

// device is the device's result alone.
func (w *twin) device(q []float32, positions []int32, splits int) []float32 {
	w.t.Helper()
	got := make([]float32, len(positions)*w.layer.Heads*w.layer.ValueDim)
	for i := range got {
		got[i] = float32(math.NaN())
	}
	out := upload(w.t, w.d, got)
	check(w.t, w.attend.Run(w.gpu, upload(w.t, w.d, q), out, &Batch{Positions: upload(w.t, w.d, positions), Queries: len(positions)}, splits))
	check(w.t, Read(out, 0, got))
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
