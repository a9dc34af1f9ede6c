package attention_test

import (
	"fmt"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

// BenchmarkDecode is one token at depth 2048 with the heads of small models, by an offset and by
// exact ends.
func BenchmarkDecode(b *testing.B) {
	pool := cpu.NewPool(1, nil)
	defer pool.Close()
	d := attention.New(pool, kernels.Default())
	for _, shape := range []struct{ heads, kvHeads, dim int }{{14, 2, 64}, {9, 3, 64}, {4, 1, 256}} {
		l := attention.Layer{Heads: shape.heads, KVHeads: shape.kvHeads, KeyDim: shape.dim, ValueDim: shape.dim, Scale: scale(shape.dim)}
		o := &attention.Offset{Mu: random(8, shape.kvHeads*shape.dim), Rope: attention.NewRope(kernels.Default(), shape.dim, geometric(shape.dim/2, 1e4), false, 1, 2048)}
		p := kv.Policy{K: f(b, "lm4_64"), V: f(b, "lm4_64")}
		plain := newSetup(b, l, p.K, p.V, 2048)
		p.Ends = kv.Ends{First: 4, Last: 32}
		ends := segmented(b, l, p, 2048)
		for _, c := range []struct {
			name   string
			cache  *kv.Cache
			offset *attention.Offset
		}{{"plain", plain.cache, nil}, {"offset", plain.cache, o}, {"ends", ends.cache, nil}, {"both", ends.cache, o}} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", shape.heads, shape.kvHeads, shape.dim, c.name), func(b *testing.B) {
				batch := attention.Batch{Layer: &l, KV: c.cache.Rows(0).Segments(), Pos: []int32{2047}, Fast: true, Offset: c.offset,
					Q: random(1, shape.heads*shape.dim), Out: make([]float32, shape.heads*shape.dim)}
				for b.Loop() {
					d.Run(&batch)
				}
			})
		}
	}
}
