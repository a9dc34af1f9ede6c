package attention_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/ref"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/internal/typetest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// setup is one layer with a filled cache, and what the oracle makes of the rows as the cache gives
// them back.
type setup struct {
	layer  attention.Layer
	oracle ref.Attention
	cache  *kv.Cache
	k, v   []float32 // [positions][KVHeads][dim], decoded
}

// newSetup stores n random positions in batches.
func newSetup(t testing.TB, l attention.Layer, k, v kv.Choice, n int) *setup {
	t.Helper()
	s := &setup{layer: l, oracle: ref.Attention{Heads: l.Heads, KVHeads: l.KVHeads, KeyDim: l.KeyDim, ValueDim: l.ValueDim,
		Scale: float64(l.Scale), Softcap: float64(l.SoftCap), Window: l.Window, Chunked: l.Chunked, Sinks: l.Sinks}}
	s.cache = newCache(t, l, kv.Policy{K: k, V: v}, n)
	var ws kernels.Workspace
	sides := s.cache.Layer(0)
	for at := 0; at < n; at += batch {
		m := min(batch, n-at)
		if err := s.cache.Place(m); err != nil {
			t.Fatal(err)
		}
		sides.K.Store(&ws, random(uint64(at), m*l.KVHeads*l.KeyDim), l.KVHeads*l.KeyDim, 0, m)
		sides.V.Store(&ws, random(uint64(at)+1<<32, m*l.KVHeads*l.ValueDim), l.KVHeads*l.ValueDim, 0, m)
	}
	s.k, s.v = readBack(sides.K, n), readBack(sides.V, n)
	return s
}

// batch is the most positions that are placed at a time.
const batch = 64

func newCache(t testing.TB, l attention.Layer, p kv.Policy, n int) *kv.Cache {
	t.Helper()
	plan, err := kv.NewPlan([]kv.Layer{{Heads: l.KVHeads, KeyDim: l.KeyDim, ValueDim: l.ValueDim}}, p)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kv.New(plan, n, batch)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readBack(s *kv.Side, n int) []float32 {
	var ws kernels.Workspace
	all := make([]float32, n*s.Heads*s.Dim)
	for t := range n {
		for h := range s.Heads {
			s.Read(&ws, all[(t*s.Heads+h)*s.Dim:][:s.Dim], h, t)
		}
	}
	return all
}

func random(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 7))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// run gives the outputs of the last n positions as queries.
func (s *setup) run(t testing.TB, d *attention.Driver, n int, fast bool) (got []float32, q []float32) {
	t.Helper()
	l := s.layer
	q = random(99, n*l.Heads*l.QueryDim())
	got = make([]float32, n*l.Heads*l.ValueDim)
	b := attention.Batch{Layer: &s.layer, KV: s.cache.Rows(0).Segments(), Q: q, Out: got, Fast: fast}
	for i := range n {
		b.Pos = append(b.Pos, int32(s.cache.Len()-n+i))
	}
	if err := d.Run(&b); err != nil {
		t.Fatal(err)
	}
	return got, q
}

// check compares with float64 attention over the decoded rows. Values are of size 1, so the error
// is absolute.
func (s *setup) check(t testing.TB, what string, got, q []float32, n int, tolerance float64) {
	t.Helper()
	want := s.oracle.Run(q, s.k, s.v, s.cache.Len()-n)
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= tolerance) {
			t.Fatalf("%s: output %d is %g, want %g", what, i, got[i], w)
		}
	}
}

func scale(dim int) float32 { return float32(1 / math.Sqrt(float64(dim))) }

// types are those of the table that a cache may use.
func types() (all []*kernels.Type) {
	for _, t := range kernels.Default().Types() {
		if t.KV {
			all = append(all, t)
		}
	}
	return all
}

func TestEveryPairOfTypes(t *testing.T) {
	pool := cpu.NewPool(2, nil)
	defer pool.Close()
	d := attention.New(pool, kernels.Default())
	i := 0
	for _, k := range types() {
		for _, v := range types() {
			var fit []int
			for _, dim := range []int{40, 64, 80, 96, 128, 256} {
				if k.Fits(dim) == nil && v.Fits(dim) == nil {
					fit = append(fit, dim)
				}
			}
			i++ // the other sizes rotate through the pairs
			dim, group, length := fit[i%len(fit)], 1+i%8, []int{1, 17, 70, 33, 270, 2, 65}[i%7]
			heads := 1 + i%2
			l := attention.Layer{Heads: heads * group, KVHeads: heads, KeyDim: dim, ValueDim: dim, Scale: scale(dim)}
			s := newSetup(t, l, kv.Choice{Type: k}, kv.Choice{Type: v}, length)
			for _, n := range []int{1, min(length, 9)} {
				got, q := s.run(t, d, n, false)
				s.check(t, fmt.Sprintf("%s/%s, head %d, group %d, length %d, %d queries", k.Name, v.Name, dim, group, length, n), got, q, n, 2e-5)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	pool := cpu.NewPool(3, nil)
	defer pool.Close()
	d := attention.New(pool, kernels.Default())
	sinks := []float32{-1, 3, 0, 8, 2, 1}
	for _, c := range []struct {
		name string
		set  func(*attention.Layer)
	}{
		{"plain", func(*attention.Layer) {}},
		{"soft cap", func(l *attention.Layer) { l.SoftCap = 2 }},
		{"sinks", func(l *attention.Layer) { l.Sinks = sinks }},
		{"window 1", func(l *attention.Layer) { l.Window = 1 }},
		{"window 100", func(l *attention.Layer) { l.Window = 100 }},
		{"window 300, sinks", func(l *attention.Layer) { l.Window, l.Sinks = 300, sinks }},
		{"chunks of 100", func(l *attention.Layer) { l.Window, l.Chunked = 100, true }},
		{"chunks of 256", func(l *attention.Layer) { l.Window, l.Chunked = 256, true }},
		{"sizes differ", func(l *attention.Layer) { l.ValueDim = 96 }},
	} {
		l := attention.Layer{Heads: 6, KVHeads: 2, KeyDim: 64, ValueDim: 64, Scale: .2}
		c.set(&l)
		for _, length := range []int{1, 2, 255, 256, 257, 600} {
			s := newSetup(t, l, f(t, "f32"), f(t, "f32"), length)
			for _, n := range []int{1, min(3, length), min(70, length)} {
				got, q := s.run(t, d, n, false)
				s.check(t, fmt.Sprintf("%s, length %d, %d queries", c.name, length, n), got, q, n, 1e-5)
			}
		}
	}
}

// TestLatent holds scores in which the values take part to attention with keys that are both, in
// types of their own, in the fast form too.
func TestLatent(t *testing.T) {
	pool := cpu.NewPool(3, nil)
	defer pool.Close()
	d := attention.New(pool, kernels.Default())
	for _, c := range []struct {
		k, v string
		fast bool
		most float64
	}{{"f32", "f32", false, 1e-5}, {"f16", "q4_0", false, 2e-5}, {"q8_0", "turbo4", false, 2e-5}, {"q8_0", "q8_0", true, .03}} {
		l := attention.Layer{Heads: 6, KVHeads: 1, KeyDim: 64, ValueDim: 128, Scale: .07, Latent: true}
		for _, length := range []int{1, 256, 600} {
			s := newSetup(t, l, f(t, c.k), f(t, c.v), length)
			s.oracle.KeyDim = l.QueryDim()
			var both []float32
			for i := range length {
				both = append(append(both, s.k[i*l.KeyDim:][:l.KeyDim]...), s.v[i*l.ValueDim:][:l.ValueDim]...)
			}
			s.k = both
			for _, n := range []int{1, min(3, length), min(70, length)} {
				got, q := s.run(t, d, n, c.fast)
				s.check(t, fmt.Sprintf("%s/%s, length %d, %d queries", c.k, c.v, length, n), got, q, n, c.most)
			}
		}
	}
}

func f(t testing.TB, name string) kv.Choice {
	typ := kernels.Default().ByName(name)
	if typ == nil {
		t.Fatalf("the table has no %s", name)
	}
	return kv.Choice{Type: typ}
}

// TestRotation holds rotated sides, both oracle and table types, to attention over the rows as the
// model computed them.
func TestRotation(t *testing.T) {
	pool := cpu.NewPool(2, nil)
	defer pool.Close()
	d := attention.New(pool, kernels.Default())
	for _, name := range []string{"q8_0", "q4_0", "turbo4"} {
		c := f(t, name)
		c.Rotation = typetest.Attn()
		l := attention.Layer{Heads: 4, KVHeads: 2, KeyDim: 128, ValueDim: 64, Scale: scale(128)}
		s := newSetup(t, l, c, c, 300)
		for _, n := range []int{1, 20} {
			got, q := s.run(t, d, n, false)
			s.check(t, name, got, q, n, 2e-5)
		}
	}
}

// TestFast allows the error of rounding queries to int8, of levels and weights, and no more.
func TestFast(t *testing.T) {
	pool := cpu.NewPool(2, nil)
	defer pool.Close()
	d := attention.New(pool, kernels.Default())
	for _, k := range types() {
		for _, dim := range []int{64, 128} {
			if k.Fits(dim) != nil {
				continue
			}
			l := attention.Layer{Heads: 8, KVHeads: 2, KeyDim: dim, ValueDim: dim, Scale: scale(dim)}
			for _, v := range []kv.Choice{f(t, "f32"), {Type: k}} {
				s := newSetup(t, l, kv.Choice{Type: k}, v, 270)
				for _, n := range []int{1, 33} {
					got, q := s.run(t, d, n, true)
					s.check(t, fmt.Sprintf("%s/%s, head %d, %d queries", k.Name, v.Type.Name, dim, n), got, q, n, .03)
				}
			}
		}
	}
}

// TestSameBitsForAnyThreads runs every way of splitting the work.
func TestSameBitsForAnyThreads(t *testing.T) {
	for _, k := range []string{"f16", "q8_0", "turbo4", "lm4_64"} {
		l := attention.Layer{Heads: 6, KVHeads: 2, KeyDim: 64, ValueDim: 64, Scale: scale(64)}
		s := newSetup(t, l, f(t, k), f(t, k), 1000)
		for _, n := range []int{1, 5, 100} {
			var first []float32
			for _, threads := range []int{1, 2, 3, 8} {
				pool := cpu.NewPool(threads, nil)
				got, _ := s.run(t, attention.New(pool, kernels.Default()), n, true)
				pool.Close()
				if first == nil {
					first = got
				}
				for i := range got {
					if math.Float32bits(got[i]) != math.Float32bits(first[i]) {
						t.Fatalf("%s, %d queries: %d threads give %g for output %d, one gives %g", k, n, threads, got[i], i, first[i])
					}
				}
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	pool := cpu.NewPool(2, nil)
	defer pool.Close()
	d := attention.New(pool, kernels.Default())
	l := attention.Layer{Heads: 6, KVHeads: 2, KeyDim: 128, ValueDim: 128, Scale: scale(128)}
	for _, name := range []string{"f16", "q8_0", "turbo4"} {
		s := newSetup(t, l, f(t, name), f(t, name), 600)
		b := attention.Batch{Layer: &s.layer, KV: s.cache.Rows(0).Segments(), Pos: []int32{599}, Q: random(1, 6*128), Out: make([]float32, 6*128), Fast: true}
		run := func() { d.Run(&b) }
		run()
		if a := testing.AllocsPerRun(20, run); a != 0 {
			t.Errorf("%s: %v allocations per token", name, a)
		}
	}
}
