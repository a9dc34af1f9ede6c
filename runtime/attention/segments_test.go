package attention_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

// ropes are position encodings of heads of 64 values as Offset meets them.
var ropes = []struct {
	name      string
	freq      []float64 // of the pairs
	adjacent  bool
	magnitude float32
}{
	{"half split", geometric(32, 10000), false, 1},
	{"adjacent", geometric(32, 10000), true, 1},
	{"partial", geometric(10, 1e6), false, 1},
	{"partial, adjacent", geometric(9, 500), true, 1},
	{"yarn", geometric(32, 10000), false, 1.4},
	{"none", nil, false, 1},
}

func geometric(n int, base float64) []float64 {
	freq := make([]float64, n)
	for i := range freq {
		freq[i] = math.Pow(base, -float64(i)/float64(n))
	}
	return freq
}

// rotated is mu at position p, in float64.
func rotated(mu []float32, freq []float64, adjacent bool, magnitude float64, p int) []float64 {
	x := make([]float64, len(mu))
	for i, m := range mu {
		x[i] = float64(m)
	}
	for i, f := range freq {
		a, b := i, i+len(freq)
		if adjacent {
			a, b = 2*i, 2*i+1
		}
		s, c := math.Sincos(float64(p) * f)
		x[a], x[b] = magnitude*(x[a]*c-x[b]*s), magnitude*(x[a]*s+x[b]*c)
	}
	return x
}

// TestSegments holds every key type to the oracle over a cache with exact ends and a key offset.
// The oracle is given the rows as the cache gives them back, whichever segment they are in, and the
// score of the offset in float64.
func TestSegments(t *testing.T) {
	pool := cpu.NewPool(2, nil)
	defer pool.Close()
	d := attention.New(pool, kernels.Default())
	for i, k := range types() {
		dim := 64
		if k.Fits(dim) != nil {
			dim = 128
		}
		v := types()[(i*5+2)%len(types())]
		if v.Fits(dim) != nil {
			v = k
		}
		rope := ropes[i%len(ropes)]
		length := []int{3, 20, 61, 300, 551}[i%5]
		l := attention.Layer{Heads: 2 * (1 + i%7), KVHeads: 2, KeyDim: dim, ValueDim: dim, Scale: scale(dim), Window: []int{0, 0, 90}[i%3],
			SoftCap: []float32{0, 0, 0, 8}[i%4]}
		if i%4 == 1 {
			l.Sinks = random(3, l.Heads)
		}
		p := kv.Policy{K: kv.Choice{Type: k}, V: kv.Choice{Type: v}, Ends: kv.Ends{First: i % 6, Last: 1 + 7*(i%4)}}
		s := segmented(t, l, p, length)
		o := &attention.Offset{Mu: random(8, 2*dim), Rope: attention.NewRope(kernels.Default(), dim, rope.freq, rope.adjacent, rope.magnitude, length)}
		for _, n := range []int{1, min(length, 70)} {
			got, q := s.runOffset(t, d, n, o)
			s.oracle.Offset = func(head, query, key int) float64 {
				sum := 0.0
				kvh := head / (l.Heads / l.KVHeads)
				for i, x := range rotated(o.Mu[kvh*dim:][:dim], rope.freq, rope.adjacent, float64(rope.magnitude), key) {
					sum += x * float64(q[(query*l.Heads+head)*dim+i])
				}
				return sum
			}
			what := fmt.Sprintf("%s/%s, %s, length %d, %d queries", k.Name, v.Name, rope.name, length, n)
			s.check(t, what, got, q, n, 3e-5)
			// What would be if the term had the wrong sign, or were left out, is far from that.
			for name, wrong := range map[string]*attention.Offset{"sign": {Mu: negative(o.Mu), Rope: o.Rope}, "missing": nil} {
				if length < 20 || rope.freq == nil {
					continue // a constant score changes nothing, as it should
				}
				other, _ := s.runOffset(t, d, n, wrong)
				if most := distance(got, other); most < 1e-2 {
					t.Errorf("%s: %s: an error moves outputs by %g only", what, name, most)
				}
			}
		}
	}
}

func negative(x []float32) []float32 {
	y := make([]float32, len(x))
	for i := range x {
		y[i] = -x[i]
	}
	return y
}

func distance(a, b []float32) (most float64) {
	for i := range a {
		most = max(most, math.Abs(float64(a[i]-b[i])))
	}
	return most
}

// segmented fills a cache that keeps ends.
func segmented(t testing.TB, l attention.Layer, p kv.Policy, n int) *setup {
	t.Helper()
	// for the oracle
	s := newSetup(t, l, kv.Choice{Type: kernels.Default().ByID(0)}, kv.Choice{Type: kernels.Default().ByID(0)}, n)
	s.cache = newCache(t, l, p, n)
	var ws kernels.Workspace
	rows := s.cache.Rows(0)
	ldk, ldv := l.KVHeads*l.KeyDim, l.KVHeads*l.ValueDim
	for at := 0; at < n; at += batch {
		m := min(batch, n-at)
		if err := s.cache.Place(m); err != nil {
			t.Fatal(err)
		}
		k, v := random(uint64(at), m*ldk), random(uint64(at)+1<<32, m*ldv)
		for lo := 0; lo < m; {
			step := rows.Next()
			rows.Store(&ws, k[lo*ldk:], ldk, v[lo*ldv:], ldv, 0, rows.Shares())
			lo += step
		}
	}
	for i, held := range []*[]float32{&s.k, &s.v} {
		seen := 0
		for _, pair := range rows.Segments() {
			side := []*kv.Side{pair.K, pair.V}[i]
			for cell, p := range side.Cells.Pos() {
				if p < 0 {
					continue
				}
				seen++
				for h := range side.Heads {
					side.Read(&ws, (*held)[(int(p)*side.Heads+h)*side.Dim:][:side.Dim], h, cell)
				}
			}
		}
		if seen != n {
			t.Fatalf("%d of %d positions are in the segments", seen, n)
		}
	}
	return s
}

// runOffset is run with an offset.
func (s *setup) runOffset(t *testing.T, d *attention.Driver, n int, o *attention.Offset) (got, q []float32) {
	t.Helper()
	l := s.layer
	q, got = random(99, n*l.Heads*l.KeyDim), make([]float32, n*l.Heads*l.ValueDim)
	b := attention.Batch{Layer: &s.layer, KV: s.cache.Rows(0).Segments(), Q: q, Out: got, Offset: o}
	for i := range n {
		b.Pos = append(b.Pos, int32(s.cache.Len()-n+i))
	}
	if err := d.Run(&b); err != nil {
		t.Fatal(err)
	}
	return got, q
}
