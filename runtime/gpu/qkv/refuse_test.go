package qkv_test

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/qkv"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

func made[T any](t *testing.T) func(T, error) T {
	return func(x T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

// TestMessages changes one thing of a call that is right: the message states the rule, and what was
// given.
func TestMessages(t *testing.T) {
	q := gputest.Idle()
	s := rows.Side{Type: kernels.Default().ByName("f16"), Dim: 64}
	kernel := made[*qkv.Kernel](t)(qkv.New(q, rows.Pair{Key: s, Value: s}))
	keys, values := made[*rows.Rows](t)(rows.New(q, s, true, 1, 64)), made[*rows.Rows](t)(rows.New(q, s, false, 1, 64))
	buffer := func(values int) *gpu.Buffer { return made[*gpu.Buffer](t)(q.Alloc(uint64(4 * values))) }
	angles := made[*rope.Angles](t)(rope.NewAngles(q, []float64{1, .5}, 1, 2))
	for _, c := range []struct {
		want   string // "" for what is right
		change func(l *qkv.Layer, b *qkv.Batch)
	}{
		{"", func(*qkv.Layer, *qkv.Batch) {}},
		{"at least 1 token and 1 query head: 0 tokens of 2 heads", func(_ *qkv.Layer, b *qkv.Batch) { b.Tokens = 0 }},
		{"RoPE has 0 to 32 pairs of a head of 64 values: 33 were given", func(l *qkv.Layer, _ *qkv.Batch) { l.Pairs = 33 }},
		{"the attention scale grows every so many positions, at least 1: 0 was given", func(l *qkv.Layer, _ *qkv.Batch) { l.AttnScale = 1 }},
		{"RoPE of 2 pairs needs the angles of the batch", func(_ *qkv.Layer, b *qkv.Batch) { b.Angles = nil }},
		{"angles must be for 4 pairs and at least 2 tokens: they are for 2 pairs and 2 tokens", func(l *qkv.Layer, _ *qkv.Batch) { l.Pairs = 4 }},
		{"eps of a norm of heads is at least 0: -1 was given", func(l *qkv.Layer, _ *qkv.Batch) { l.QNorm = &qkv.Norm{Eps: -1} }},
		{"weights of a norm must hold 256 bytes: there are 4", func(l *qkv.Layer, _ *qkv.Batch) { l.KNorm = &qkv.Norm{Weights: buffer(1)} }},
		{"K f16 and V f16: the layer has others", func(l *qkv.Layer, _ *qkv.Batch) { l.Values = keys }},
		{"heads need the product that they lie in", func(_ *qkv.Layer, b *qkv.Batch) { b.K.Buffer = nil }},
		{"at least the 64 values of its heads for each token and begins at a multiple of 4 bytes: 63 values, from byte 0 on", func(_ *qkv.Layer, b *qkv.Batch) { b.V.LD = 63 }},
		{"512 bytes from byte 0 on are outside a piece of 256", func(_ *qkv.Layer, b *qkv.Batch) { b.V.Buffer = buffer(64) }},
		{"positions of the batch must hold 8 bytes: there are 4", func(_ *qkv.Layer, b *qkv.Batch) { b.Positions = buffer(1) }},
		{"offset of the keys must hold 256 bytes: there are 8", func(l *qkv.Layer, _ *qkv.Batch) { l.Mu = buffer(2) }},
	} {
		l := qkv.Layer{Heads: 2, Pairing: rope.Pairing{Pairs: 2}, Keys: keys, Values: values}
		b := qkv.Batch{Tokens: 2, Q: qkv.View{Buffer: buffer(256), LD: 128}, K: qkv.View{Buffer: buffer(128), LD: 64}, V: qkv.View{Buffer: buffer(128), LD: 64},
			Positions: buffer(2), Cells: buffer(2), Angles: angles, Queries: buffer(256)}
		c.change(&l, &b)
		if err := kernel.Run(&l, &b); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("want %q: %v", c.want, err)
		}
	}
	gate := made[*qkv.Gate](t)(qkv.NewGate(q))
	if err := gate.Run(buffer(1), qkv.View{Buffer: buffer(128), LD: 128}, 0, 1, 64); err == nil || !strings.Contains(err.Error(), "at least 1 token, 1 head and 1 value: 0 tokens") {
		t.Error(err)
	}
}
