//go:build emulate || gpu

package attend

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// settings are layers with everything that the contract of attention has, together where it can be.
// On a GPU their caches are larger.
func settings() []setting {
	all := smallSettings()
	for i := range all {
		all[i].rows = 4 << (i % 3)
		if !gputest.Emulating {
			all[i].size *= 8
			all[i].batch *= 4
			all[i].layer.Window *= 7
		}
	}
	return all
}

func smallSettings() []setting {
	ends := func(first, last int) kv.Ends { return kv.Ends{First: first, Last: last} }
	return []setting{
		{name: "list", size: 160, batch: 40, layer: attention.Layer{Heads: 4, KVHeads: 2, KeyDim: 64, ValueDim: 64},
			policy: kv.Policy{K: gputest.Choice("q4_0", "attn"), V: gputest.Choice("lm3_64", "")}},
		{name: "window in order", size: 160, batch: 40, layer: attention.Layer{Heads: 4, KVHeads: 1, KeyDim: 64, ValueDim: 64, Window: 130},
			policy: kv.Policy{K: gputest.Choice("q8_0", ""), V: gputest.Choice("q5_1", "")}},
		{name: "ring", size: 400, batch: 20, layer: attention.Layer{Heads: 6, KVHeads: 2, KeyDim: 64, ValueDim: 96, Window: 33, Sinks: []float32{.1, -1, 2, 0, 1, .5}},
			policy: kv.Policy{K: gputest.Choice("q4_1", "attn32"), V: gputest.Choice("f16", "")}},
		{name: "offset", size: 300, batch: 60, layer: attention.Layer{Heads: 4, KVHeads: 2, KeyDim: 64, ValueDim: 40},
			policy: kv.Policy{K: gputest.Choice("f32", ""), V: gputest.Choice("f32", "")}, rope: &keyRope{gputest.Geometric(32, 10000), false, 1}},
		{name: "offset in a ring, adjacent, partial", size: 300, batch: 20, layer: attention.Layer{Heads: 3, KVHeads: 1, KeyDim: 64, ValueDim: 64, Window: 70},
			policy: kv.Policy{K: gputest.Choice("f32", ""), V: gputest.Choice("f16", "")}, rope: &keyRope{gputest.Geometric(19, 500), true, 1.3}},
		{name: "offset without RoPE", size: 64, batch: 20, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 40, ValueDim: 40, Sinks: []float32{3, 0}},
			policy: kv.Policy{K: gputest.Choice("f32", ""), V: gputest.Choice("f32", "")}, rope: &keyRope{nil, false, 1}},
		{name: "exact ends", size: 300, batch: 40, layer: attention.Layer{Heads: 4, KVHeads: 2, KeyDim: 64, ValueDim: 128},
			policy: kv.Policy{K: gputest.Choice("q4_0", "attn32"), V: gputest.Choice("turbo3", ""), Ends: ends(3, 20)}},
		{name: "exact ends, offset, soft cap", size: 300, batch: 40, layer: attention.Layer{Heads: 4, KVHeads: 1, KeyDim: 128, ValueDim: 64, SoftCap: 6},
			policy: kv.Policy{K: gputest.Choice("lm4_128", ""), V: gputest.Choice("q4_0", "attn"), Ends: ends(5, 40)}, rope: &keyRope{gputest.Geometric(64, 1e6), false, 1}},
		{name: "exact ends in a window, sinks", size: 400, batch: 30, layer: attention.Layer{Heads: 2, KVHeads: 2, KeyDim: 64, ValueDim: 64, Window: 60, Sinks: []float32{1, -2}},
			policy: kv.Policy{K: gputest.Choice("lm5_64", ""), V: gputest.Choice("iq4_nl", "attn32"), Ends: ends(0, 12)}},
		{name: "exact beginning", size: 120, batch: 40, layer: attention.Layer{Heads: 8, KVHeads: 1, KeyDim: 64, ValueDim: 64},
			policy: kv.Policy{K: gputest.Choice("lm2_32", ""), V: gputest.Choice("lm6_32", ""), Ends: ends(4, 0)}, rope: &keyRope{gputest.Geometric(32, 10000), true, 1}},
		{name: "all exact", size: 40, batch: 20, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 64, ValueDim: 64},
			policy: kv.Policy{K: gputest.Choice("q8_0", ""), V: gputest.Choice("q8_0", ""), Ends: kv.Ends{First: 4, Last: 60, Type: gputest.Choice("bf16", "").Type}}},
		{name: "wide", size: 80, batch: 40, layer: attention.Layer{Heads: 2, KVHeads: 1, KeyDim: 256, ValueDim: 256},
			policy: kv.Policy{K: gputest.Choice("q4_0", ""), V: gputest.Choice("f32", ""), Ends: ends(2, 10)}, rope: &keyRope{gputest.Geometric(128, 10000), false, 1}},
	}
}

// limit is how far a result may be from the processor's: levels and queries of codes have 15 bits,
// numbers have f32's.
func (s *setting) limit() float64 {
	if s.policy.K.Type.Quantised || s.policy.V.Type.Quantised {
		return exactLimit
	}
	return 2e-5
}

// TestContract holds every setting to attention on the processor, over the same rows, as a cache
// fills: a prompt in batches, then single tokens, then what follows when it is cut.
func TestContract(t *testing.T) {
	d := gputest.Open(t)
	for _, s := range settings() {
		t.Run(s.name, func(t *testing.T) {
			w := newTwin(t, d, s)
			worst := 0.0
			compare := func(first, n int) {
				t.Helper()
				got, want := w.run(gputest.Sequence(first, n), 0)
				if e := relative(got, want); !(e < s.limit()) {
					t.Errorf("queries %d to %d: relative error %.2g", first, first+n-1, e)
				} else {
					worst = max(worst, e)
				}
			}
			w.store(min(s.batch, 9), compare)
			w.fill(s.size-s.size/8-w.cache.Len(), s.batch)
			at := w.cache.Len()
			compare(at-1, 1)
			compare(at-min(s.batch, 5), min(s.batch, 5))
			for range 3 {
				w.store(1, compare)
			}
			w.same("filled")
			if err := w.cache.Truncate(at - 1); err != nil {
				t.Fatal(err)
			}
			w.mirror()
			compare(at-2, 1)
			w.store(min(s.batch, s.size-w.cache.Len(), 7), compare)
			w.same("cut and filled")
			w.cache.Clear()
			w.mirror()
			w.store(2, compare)
			t.Logf("largest relative error %.2g", worst)
		})
	}
}

// TestParts computes the same with every number of parts, with fewer cells in use than there is
// room for, and says that a query below 0 sees nothing.
func TestParts(t *testing.T) {
	d := gputest.Open(t)
	for _, s := range []setting{
		{name: "one segment", size: 1100, batch: 600, capacity: 2048, layer: attention.Layer{Heads: 3, KVHeads: 1, KeyDim: 64, ValueDim: 64}, policy: kv.Policy{K: gputest.Choice("f16", ""), V: gputest.Choice("f16", "")}},
		{name: "two segments", size: 1100, batch: 600, warps: 2, layer: attention.Layer{Heads: 3, KVHeads: 1, KeyDim: 64, ValueDim: 192},
			policy: kv.Policy{K: gputest.Choice("q8_0", ""), V: gputest.Choice("f16", ""), Ends: kv.Ends{First: 2, Last: 300}}},
	} {
		t.Run(s.name, func(t *testing.T) {
			w := newTwin(t, d, s)
			w.fill(20, 20)
			for _, cells := range []int{20, 500, 1030} {
				w.fill(cells-w.cache.Len(), s.batch)
				positions := []int32{int32(cells) - 1, -1, int32(cells) / 2}
				q := gputest.Normal(5, len(positions)*3*64)
				first := w.device(q, positions, 1)
				n := w.layer.Heads * w.layer.ValueDim
				for i, v := range first[n : 2*n] {
					if v != 0 {
						t.Fatalf("output %d of a query at no position is %g", i, v)
					}
				}
				for _, splits := range []int{2, 3, 16, 200} {
					got := w.device(q, positions, splits)
					if e := relative(got, first); !(e < 2e-6) {
						t.Errorf("%d cells in %d parts: %.2g from the result in one", cells, splits, e)
					}
					again := w.device(q, positions, splits)
					for i := range got {
						if math.Float32bits(got[i]) != math.Float32bits(again[i]) {
							t.Fatalf("%d cells in %d parts: output %d is %g and then %g", cells, splits, i, got[i], again[i])
						}
					}
				}
			}
		})
	}
}
