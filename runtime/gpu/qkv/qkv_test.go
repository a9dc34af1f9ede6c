//go:build emulate || gpu

package qkv

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

// TestHeads holds what happens to heads to the processor's functions, bit for bit: queries, rows of
// the cache, keys before the offset.
func TestHeads(t *testing.T) {
	d := gputest.Open(t)
	turns := gputest.Must[*rope.Kernel](t)(rope.New(d))
	for _, x := range []struct {
		name           string
		k, v           string
		dk, dv         int
		heads, kvHeads int
		pairs          int
		adjacent       bool
		qk, vNorm      bool
		offset         bool
		vIsK, gated    bool
		attnScale      float32
		reads          bool
	}{
		{name: "plain", k: "q4_0", v: "q8_0", dk: 64, dv: 64, heads: 4, kvHeads: 2, pairs: 32},
		{name: "norms", k: "turbo4", v: "lm3_64", dk: 128, dv: 64, heads: 3, kvHeads: 1, pairs: 64, qk: true, vNorm: true},
		{name: "adjacent, partial, offset", k: "f16", v: "f32", dk: 72, dv: 40, heads: 2, kvHeads: 2, pairs: 9, adjacent: true, offset: true},
		{name: "norms, offset, attnScale", k: "lm5_32", v: "bf16", dk: 96, dv: 80, heads: 5, kvHeads: 1, pairs: 48, qk: true, offset: true, attnScale: .1},
		{name: "values are keys", k: "q5_1", v: "q4_1", dk: 64, dv: 64, heads: 2, kvHeads: 1, pairs: 32, qk: true, vIsK: true, vNorm: true},
		{name: "gated", k: "iq4_nl", v: "q5_0", dk: 32, dv: 32, heads: 3, kvHeads: 1, pairs: 8, gated: true},
		{name: "reads another's cache", k: "f16", v: "f16", dk: 64, dv: 64, heads: 3, kvHeads: 1, pairs: 32, qk: true, reads: true},
		{name: "no RoPE", k: "q8_0", v: "q8_0", dk: 32, dv: 32, heads: 1, kvHeads: 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			const tokens, every, magnitude = 3, 8, 1.25
			pair := rows.Pair{Key: gputest.ChoiceSide(x.k, "attn32", x.dk), Value: gputest.ChoiceSide(x.v, "", x.dv)}
			h := gputest.Must[*Kernel](t)(New(d, pair))
			positions, cells := []int32{5, 16, 1000003}, []int32{70, 3, -1}
			freq := gputest.Geometric(max(1, x.pairs), 10000)
			angles := gputest.Must[*rope.Angles](t)(rope.NewAngles(d, freq, magnitude, tokens))
			at := gputest.Upload(t, d, positions)
			gputest.Check(t, turns.Fill(angles, at, tokens))
			cos, sin := gputest.Read(t, angles.Cos, tokens*len(freq)), gputest.Read(t, angles.Sin, tokens*len(freq))
			for i := range cos {
				s, c := math.Sincos(float64(positions[i/len(freq)]) * freq[i%len(freq)])
				if math.Abs(float64(cos[i])-c*magnitude) > 1e-7 || math.Abs(float64(sin[i])-s*magnitude) > 1e-7 {
					t.Fatalf("angle %d is %g, %g, want %g, %g", i, cos[i], sin[i], c*magnitude, s*magnitude)
				}
			}

			qStep := x.dk
			if x.gated {
				qStep *= 2
			}
			nq, nk, nv := x.heads*qStep, x.kvHeads*x.dk, x.kvHeads*x.dv
			ld := nq + nk + nv + 3
			qkv := gputest.Normal(4, tokens*ld)
			all := gputest.Upload(t, d, qkv)
			l := &Layer{Heads: x.heads, Pairing: rope.Pairing{Pairs: x.pairs, Adjacent: x.adjacent}, AttnScale: x.attnScale, AttnScaleEvery: every, Gated: x.gated}
			b := &Batch{Tokens: tokens, Q: View{all, 0, ld}, K: View{all, uint64(4 * nq), ld}, V: View{all, uint64(4 * (nq + nk)), ld},
				Positions: at, Cells: gputest.Upload(t, d, cells), Angles: angles, Queries: gputest.Upload(t, d, make([]float32, tokens*x.heads*x.dk)), Raw: gputest.Upload(t, d, make([]float32, tokens*nk))}
			if x.vIsK {
				b.V = b.K
			}
			wq, wk, wv, mu := gputest.Normal(5, x.dk), gputest.Normal(6, x.dk), gputest.Normal(9, x.dv), gputest.Normal(7, nk)
			if x.qk {
				l.QNorm, l.KNorm = &Norm{gputest.Upload(t, d, wq), 1e-5}, &Norm{gputest.Upload(t, d, wk), 1e-6}
			}
			if x.vNorm {
				l.VNorm = &Norm{nil, 1e-3}
				if x.v == "lm3_64" {
					l.VNorm.Weights = gputest.Upload(t, d, wv)
				} else {
					wv = nil
				}
			}
			if x.offset {
				l.Mu = gputest.Upload(t, d, mu)
			}
			if !x.reads {
				l.Keys = gputest.Must[*rows.Rows](t)(rows.New(d, pair.Key, true, x.kvHeads, 128))
				l.Values = gputest.Must[*rows.Rows](t)(rows.New(d, pair.Value, false, x.kvHeads, 128))
			}
			gputest.Check(t, h.Run(l, b))

			turn := func(head []float32, token int) {
				co, si := cos[token*len(freq):][:x.pairs], sin[token*len(freq):][:x.pairs]
				if x.adjacent {
					cpu.NewVec(kernels.Default()).RopeAdjacent(head, co, si)
				} else {
					cpu.NewVec(kernels.Default()).RopeHalves(head, co, si)
				}
			}
			var queries, raw, keys, values []float32
			for token := range tokens {
				row := qkv[token*ld:]
				for i := range x.heads {
					q := slices.Clone(row[i*qStep:][:x.dk])
					if x.qk {
						cpu.NewVec(kernels.Default()).RMSNorm(q, q, wq, 1e-5)
					}
					turn(q, token)
					if n := int(positions[token]) / every; x.attnScale != 0 && n > 0 {
						cpu.NewVec(kernels.Default()).Scale(q, 1+x.attnScale*float32(math.Log(float64(1+n))))
					}
					queries = append(queries, q...)
				}
				for i := range x.kvHeads {
					k := slices.Clone(row[nq+i*x.dk:][:x.dk])
					v := slices.Clone(row[nq+nk+i*x.dv:][:x.dv])
					if x.vIsK {
						v = slices.Clone(k)
					}
					if x.qk {
						cpu.NewVec(kernels.Default()).RMSNorm(k, k, wk, 1e-6)
					}
					raw = append(raw, k...)
					if x.offset {
						cpu.NewVec(kernels.Default()).Blend(k, mu[i*x.dk:][:x.dk], 1, -1)
					}
					turn(k, token)
					if x.vNorm {
						cpu.NewVec(kernels.Default()).RMSNorm(v, v, wv, 1e-3)
					}
					keys, values = append(keys, k...), append(values, v...)
				}
			}
			gputest.SameBits(t, "queries", gputest.Read(t, b.Queries, len(queries)), queries)
			if x.reads {
				return
			}
			gputest.SameBits(t, "keys before the offset", gputest.Read(t, b.Raw, len(raw)), raw)
			if got, want := gputest.Exported(t, d, l.Keys, cells[:2]), gputest.Encoded(pair.Key, keys[:2*nk]); !bytes.Equal(got, want) {
				t.Errorf("rows of keys are %x, want %x", got, want)
			}
			if got, want := gputest.Exported(t, d, l.Values, cells[:2]), gputest.Encoded(pair.Value, values[:2*nv]); !bytes.Equal(got, want) {
				t.Errorf("rows of values are %x, want %x", got, want)
			}
			for cell := range int32(128) {
				if !slices.Contains(cells, cell) && slices.ContainsFunc(gputest.Exported(t, d, l.Keys, []int32{cell}), func(b byte) bool { return b != 0 }) {
					t.Fatalf("cell %d was written", cell)
				}
			}
		})
	}
}

// TestGates holds the gates of an output to the processor's.
func TestGates(t *testing.T) {
	d := gputest.Open(t)
	gate := gputest.Must[*Gate](t)(NewGate(d))
	const tokens, heads, dim, ld = 2, 3, 40, 3*2*40 + 5
	o, q := gputest.Normal(1, tokens*heads*dim), gputest.Normal(2, tokens*ld+7)
	out := gputest.Upload(t, d, o)
	gputest.Check(t, gate.Run(out, View{gputest.Upload(t, d, q), 4 * 7, ld}, tokens, heads, dim))
	got := gputest.Read(t, out, len(o))
	for i := range o {
		h, k := i/dim, i%dim
		x := q[7+h/heads*ld+(2*(h%heads)+1)*dim+k]
		if want := float64(o[i]) / (1 + math.Exp(-float64(x))); !(math.Abs(float64(got[i])-want) < 1e-6) {
			t.Fatalf("output %d is %g, want %g", i, got[i], want)
		}
	}
}

// TestHeadsRefuses gives what does not fit.
func TestHeadsRefuses(t *testing.T) {
	d := gputest.Open(t)
	s := gputest.ChoiceSide("f16", "", 64)
	h := gputest.Must[*Kernel](t)(New(d, rows.Pair{Key: s, Value: s}))
	m := gputest.Upload(t, d, make([]float32, 1000))
	l := Layer{Heads: 2, Keys: gputest.Must[*rows.Rows](t)(rows.New(d, s, true, 1, 64)), Values: gputest.Must[*rows.Rows](t)(rows.New(d, s, false, 1, 64))}
	b := Batch{Tokens: 1, Q: View{m, 0, 256}, K: View{m, 512, 256}, V: View{m, 768, 256}, Positions: m, Cells: m, Queries: m}
	gputest.Check(t, h.Run(&l, &b))
	for i, change := range []func(l *Layer, b *Batch){
		func(l *Layer, b *Batch) { b.Tokens = 0 },
		func(l *Layer, b *Batch) { b.Tokens = 9 },
		func(l *Layer, b *Batch) { b.Q.LD = 100 },
		func(l *Layer, b *Batch) { b.K.At = 3990 },
		func(l *Layer, b *Batch) { l.Pairs = 40 },
		func(l *Layer, b *Batch) { l.Pairs = 4 },
		func(l *Layer, b *Batch) { l.Values = l.Keys },
		func(l *Layer, b *Batch) { l.KNorm = &Norm{nil, -1} },
		func(l *Layer, b *Batch) { l.AttnScale = 1 },
		func(l *Layer, b *Batch) { l.Mu = m.Slice(0, 8) },
	} {
		l, b := l, b
		change(&l, &b)
		if err := h.Run(&l, &b); err == nil {
			t.Errorf("change %d is not refused", i)
		} else if fmt.Sprint(err) == "" {
			t.Errorf("change %d: no message", i)
		}
	}
}
