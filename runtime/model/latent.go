package model

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/program"
)

// Latent is attention over a latent vector, multi-head latent attention (arXiv:2405.04434): a token
// keeps Rank values, of which all heads make their keys and values, and Tail values with RoPE that
// all keys share. With K and V the products are absorbed: queries are brought to the latent, which
// is key and value, so that the cache has one head of it. Files without them have Up, and the cache
// has keys and values of every head.
type Latent struct {
	Rank, Plain, Tail int
	Value             int    // values of a head's output
	QRank             int    // values that queries are made of; 0 where Q makes them of the input
	QDown, Q          Linear // QDown is not read without QRank
	QNorm             Norm
	Down              Linear // Rank + Tail rows
	Norm              Norm
	K, V, Up          Linear
}

// latent is an attention over a latent vector with the sizes of the file and the usual tensor
// names.
func (h *Header) latent(layer int) Attention {
	l := &Latent{Rank: h.Int("attention.kv_lora_rank", 0), Tail: h.Int("rope.dimension_count", 0),
		QDown: "attn_q_a", Q: "attn_q", QNorm: Norm{Name: "attn_q_a_norm", Eps: h.Eps},
		Down: "attn_kv_a_mqa", Norm: Norm{Name: "attn_kv_a_norm", Eps: h.Eps}, K: "attn_k_b", V: "attn_v_b"}
	if h.hasTensor(layer, "attn_q_a.weight") {
		l.QRank, l.Q = h.Int("attention.q_lora_rank", 0), "attn_q_b"
	}
	a := Attention{Heads: at(h.headsAll, layer), KVHeads: 1, KeyDim: l.Tail, ValueDim: l.Rank, Out: "attn_output", Latent: l}
	key := h.OptionalInt("attention.key_length_mla", 0)
	if key > 0 {
		l.Value = h.Int("attention.value_length_mla", 0)
	} else {
		key, l.Value, l.Up = h.head("attention.key_length"), h.head("attention.value_length"), "attn_kv_b"
		l.K, l.V = "", ""
		a.KVHeads, a.KeyDim, a.ValueDim = a.Heads, key, l.Value
	}
	l.Plain = key - l.Tail
	if l.Plain < 1 || key > maxHead || l.Rank > maxHead || l.Value > maxHead {
		h.fail(fmt.Errorf("layer %d: heads of %d values, %d of them with RoPE, and %d of values over a latent of %d: the limit is %d, and some must have no RoPE",
			layer, key, l.Tail, l.Value, l.Rank, maxHead))
	}
	a.Scale = 1 / float32(math.Sqrt(float64(max(1, key))))
	return a
}

func (a Attention) bindLatent(b *binder) any {
	l := a.Latent
	queries := a.Heads * (l.Plain + l.Tail)
	name, rows := l.Q, queries
	if l.QRank > 0 {
		name, rows = l.QDown, l.QRank
	}
	x := &program.AttentionStep{
		Layer: attention.Layer{Heads: a.Heads, KVHeads: a.KVHeads, KeyDim: a.KeyDim, ValueDim: a.ValueDim, Scale: a.Scale, Latent: l.Up == ""},
		KV:    len(b.program.KV), QKV: b.fuse(b.linear(name, b.width, rows), b.linear(l.Down, b.width, l.Rank+l.Tail)),
		Out: b.fuse(b.linear(a.Out, a.Heads*l.Value, b.width)), Rope: b.rope(a.Rope), Temperature: a.Temperature,
		Latent: &program.Latent{Rank: l.Rank, Plain: l.Plain, Tail: l.Tail, Norm: b.norm(l.Norm, l.Rank)},
	}
	if l.QRank > 0 {
		x.Latent.QNorm, x.Latent.Q = b.norm(l.QNorm, l.QRank), b.fuse(b.linear(l.Q, l.QRank, queries))
	}
	if l.Up != "" {
		x.Latent.Up = b.fuse(b.linear(l.Up, l.Rank, a.Heads*(l.Plain+l.Value)))
	} else {
		x.Latent.K = b.fuse(b.stack(l.K, l.Plain, l.Rank, a.Heads))
		x.Latent.V = b.fuse(b.stack(l.V, l.Rank, l.Value, a.Heads))
	}
	b.store(x, a.stored(b))
	return x
}
