package model

import (
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/program"
)

func (a Attention) bind(b *binder) any {
	if a.Latent != nil {
		return a.bindLatent(b)
	}
	q, k, v := a.Heads*a.KeyDim, a.KVHeads*a.KeyDim, a.KVHeads*a.ValueDim
	if a.Rope != nil && (a.Rope.Dims > a.KeyDim || a.Rope.Dims%2 != 0) {
		b.fail("layer %d: RoPE rotates %d values of a head, which must be even, and its heads have %d", b.layer, a.Rope.Dims, a.KeyDim)
		return &program.AttentionStep{}
	}
	rows := q
	if a.Gated {
		rows = 2 * q
	}
	fused := a.QKV != "" && b.has(b.name(string(a.QKV), "weight"))
	p := b.program
	x := &program.AttentionStep{
		Layer: attention.Layer{Heads: a.Heads, KVHeads: a.KVHeads, KeyDim: a.KeyDim, ValueDim: a.ValueDim,
			Scale: a.Scale, SoftCap: a.SoftCap, Window: a.Window, Chunked: a.Chunked},
		KV:    len(p.KV),
		Gated: a.Gated,
		Reads: a.K == "" && !fused, VIsK: a.V == "" && a.K != "" && !fused,
		QKV:   b.fuse(b.qkv(a, fused, rows, k, v)...),
		Out:   b.fuse(b.linear(a.Out, a.Heads*a.ValueDim, b.width)),
		QNorm: b.norm(a.QNorm, normed(a, a.Heads)), KNorm: b.norm(a.KNorm, normed(a, a.KVHeads)),
		VNorm: b.norm(a.VNorm, a.ValueDim),
		Whole: a.Whole, NormsLast: a.NormsLast,
		Rope: b.rope(a.Rope), Temperature: a.Temperature,
	}
	x.QKV.Apart = a.Whole
	if a.Sinks != "" {
		x.Sinks = b.vector(b.name(a.Sinks, "weight"), a.Heads)
	}
	if x.VIsK && k != v {
		b.fail("layer %d: values are the product of K, and heads of K have %d values, of V %d", b.layer, a.KeyDim, a.ValueDim)
	}
	if a.Gated && a.KeyDim != a.ValueDim {
		b.fail("layer %d: gates of %d values for heads of %d", b.layer, a.KeyDim, a.ValueDim)
	}
	own := a.stored(b)
	if x.Reads {
		x.KV = b.cacheOf(own, a.CacheOf)
		b.read = append(b.read, x.KV)
		b.others = append(b.others, Other{Layer: b.layer, Reads: a.CacheOf})
	} else {
		b.store(x, own)
	}
	return x
}

// stored is what the layer keeps of each position.
func (a Attention) stored(b *binder) kv.Layer {
	return kv.Layer{Index: b.layer, Heads: a.KVHeads, KeyDim: a.KeyDim, ValueDim: a.ValueDim, Window: a.Window}
}

// store adds a KV layer.
func (b *binder) store(x *program.AttentionStep, own kv.Layer) {
	b.kvOf[b.layer] = x.KV
	b.program.KV, b.program.Attention = append(b.program.KV, own), append(b.program.Attention, x)
}

// normed is how many values a norm of Q or K has, of so many heads.
func normed(a Attention, heads int) int {
	if a.Whole {
		return heads * a.KeyDim
	}
	return a.KeyDim
}

// qkv is the matrices of Q, K and V, of so many rows each. Those of one fused tensor are views of
// its rows, so that what follows does not know of the difference.
func (b *binder) qkv(a Attention, fused bool, q, k, v int) []*program.Weight {
	if fused {
		w := b.linear(a.QKV, b.width, q+k+v)
		ws := []*program.Weight{w.Cut(0, q), w.Cut(q, q+k), w.Cut(q+k, q+k+v)}
		for i, l := range []Linear{a.Q, a.K, a.V} { // biases may have tensors of their own
			if bias := b.name(string(l), "bias"); w != nil && w.Bias == nil && b.has(bias) {
				ws[i].Bias = b.vector(bias, ws[i].Rows)
			}
		}
		return ws
	}
	ws := []*program.Weight{b.linear(a.Q, b.width, q)}
	if a.K != "" {
		ws = append(ws, b.linear(a.K, b.width, k))
	}
	if a.V != "" {
		ws = append(ws, b.linear(a.V, b.width, v))
	}
	return ws
}

// cacheOf is the KV layer of an earlier layer, which must store what a layer would that reads from
// it.
func (b *binder) cacheOf(reader kv.Layer, layer int) int {
	i, ok := b.kvOf[layer]
	if !ok {
		b.fail("layer %d reads the cache of layer %d, which has none before it", b.layer, layer)
		return 0
	}
	if reader.Index = layer; reader != b.program.KV[i] {
		b.fail("layer %d reads the cache of layer %d and has other heads or another window", b.layer, layer)
	}
	return i
}
