//go:build emulate || gpu

package cuda

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/runtime/cpu"
)

// sameBits compares floats bit for bit.
func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, w := range want {
		if math.Float32bits(got[i]) != math.Float32bits(w) {
			t.Fatalf("%s: value %d is %g, want %g", what, i, got[i], w)
		}
	}
}

// read copies n floats back.
func read(t testing.TB, m *Memory, n int) []float32 {
	t.Helper()
	x := make([]float32, n)
	check(t, Read(m, 0, x))
	return x
}

// TestHeads holds what happens to heads to the processor's functions, bit for bit: queries, rows of the cache, keys before the offset.
func TestHeads(t *testing.T) {
	d, c := gpu(t)
	turns := must[*Turns](t)(d.NewTurns(c))
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
		temper         float32
		reads          bool
	}{
		{name: "plain", k: "q4_0", v: "q8_0", dk: 64, dv: 64, heads: 4, kvHeads: 2, pairs: 32},
		{name: "norms", k: "turbo4", v: "lm3_64", dk: 128, dv: 64, heads: 3, kvHeads: 1, pairs: 64, qk: true, vNorm: true},
		{name: "adjacent, partial, offset", k: "f16", v: "f32", dk: 72, dv: 40, heads: 2, kvHeads: 2, pairs: 9, adjacent: true, offset: true},
		{name: "norms, offset, temper", k: "lm5_32", v: "bf16", dk: 96, dv: 80, heads: 5, kvHeads: 1, pairs: 48, qk: true, offset: true, temper: .1},
		{name: "values are keys", k: "q5_1", v: "q4_1", dk: 64, dv: 64, heads: 2, kvHeads: 1, pairs: 32, qk: true, vIsK: true, vNorm: true},
		{name: "gated", k: "iq4_nl", v: "q5_0", dk: 32, dv: 32, heads: 3, kvHeads: 1, pairs: 8, gated: true},
		{name: "reads another's cache", k: "f16", v: "f16", dk: 64, dv: 64, heads: 3, kvHeads: 1, pairs: 32, qk: true, reads: true},
		{name: "no RoPE", k: "q8_0", v: "q8_0", dk: 32, dv: 32, heads: 1, kvHeads: 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			const tokens, every, magnitude = 3, 8, 1.25
			pair := Pair{choiceSide(x.k, "attn32", x.dk), choiceSide(x.v, "", x.dv)}
			h := must[*Heads](t)(d.NewHeads(c, pair))
			positions, cells := []int32{5, 16, 1000003}, []int32{70, 3, -1}
			freq := geometric(max(1, x.pairs), 10000)
			angles := must[*Angles](t)(d.NewAngles(freq, magnitude, tokens))
			at := upload(t, d, positions)
			check(t, turns.Fill(angles, at, tokens))
			cos, sin := read(t, angles.Cos, tokens*len(freq)), read(t, angles.Sin, tokens*len(freq))
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
			qkv := normal(4, tokens*ld)
			all := upload(t, d, qkv)
			l := &HeadsLayer{Heads: x.heads, Pairing: Pairing{x.pairs, x.adjacent}, Temper: x.temper, Every: every, Gated: x.gated}
			b := &HeadsBatch{Tokens: tokens, Q: Place{all, 0, ld}, K: Place{all, uint64(4 * nq), ld}, V: Place{all, uint64(4 * (nq + nk)), ld},
				Positions: at, Cells: upload(t, d, cells), Angles: angles, Queries: upload(t, d, make([]float32, tokens*x.heads*x.dk)), Raw: upload(t, d, make([]float32, tokens*nk))}
			if x.vIsK {
				b.V = b.K
			}
			wq, wk, wv, mu := normal(5, x.dk), normal(6, x.dk), normal(9, x.dv), normal(7, nk)
			if x.qk {
				l.QNorm, l.KNorm = &Norm{upload(t, d, wq), 1e-5}, &Norm{upload(t, d, wk), 1e-6}
			}
			if x.vNorm {
				l.VNorm = &Norm{nil, 1e-3}
				if x.v == "lm3_64" {
					l.VNorm.Weights = upload(t, d, wv)
				} else {
					wv = nil
				}
			}
			if x.offset {
				l.Mu = upload(t, d, mu)
			}
			if !x.reads {
				l.Keys = must[*Rows](t)(d.NewRows(c, pair.Key, true, x.kvHeads, 128))
				l.Values = must[*Rows](t)(d.NewRows(c, pair.Value, false, x.kvHeads, 128))
			}
			check(t, h.Run(l, b))

			turn := func(head []float32, token int) {
				co, si := cos[token*len(freq):][:x.pairs], sin[token*len(freq):][:x.pairs]
				if x.adjacent {
					cpu.RopeAdjacent(head, co, si)
				} else {
					cpu.RopeHalves(head, co, si)
				}
			}
			var queries, raw, keys, values []float32
			for token := range tokens {
				row := qkv[token*ld:]
				for i := range x.heads {
					q := slices.Clone(row[i*qStep:][:x.dk])
					if x.qk {
						cpu.RMSNorm(q, q, wq, 1e-5)
					}
					turn(q, token)
					if n := int(positions[token]) / every; x.temper != 0 && n > 0 {
						cpu.Scale(q, 1+x.temper*float32(math.Log(float64(1+n))))
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
						cpu.RMSNorm(k, k, wk, 1e-6)
					}
					raw = append(raw, k...)
					if x.offset {
						cpu.Blend(k, mu[i*x.dk:][:x.dk], 1, -1)
					}
					turn(k, token)
					if x.vNorm {
						cpu.RMSNorm(v, v, wv, 1e-3)
					}
					keys, values = append(keys, k...), append(values, v...)
				}
			}
			sameBits(t, "queries", read(t, b.Queries, len(queries)), queries)
			if x.reads {
				return
			}
			sameBits(t, "keys before the offset", read(t, b.Raw, len(raw)), raw)
			if got, want := exported(t, d, l.Keys, cells[:2]), encoded(pair.Key, keys[:2*nk]); !bytes.Equal(got, want) {
				t.Errorf("rows of keys are %x, want %x", got, want)
			}
			if got, want := exported(t, d, l.Values, cells[:2]), encoded(pair.Value, values[:2*nv]); !bytes.Equal(got, want) {
				t.Errorf("rows of values are %x, want %x", got, want)
			}
			for cell := range int32(128) {
				if !slices.Contains(cells, cell) && slices.ContainsFunc(exported(t, d, l.Keys, []int32{cell}), func(b byte) bool { return b != 0 }) {
					t.Fatalf("cell %d was written", cell)
				}
			}
		})
	}
}

func choiceSide(name, rotation string, dim int) Side {
	c := choice(name, rotation)
	s := Side{Type: c.Type, Dim: dim}
	if c.Rotation != nil && c.Rotation.Fits(dim, c.Type.Quantised) == nil {
		s.Rotation = c.Rotation
	}
	return s
}

// TestGates holds the gates of an output to the processor's.
func TestGates(t *testing.T) {
	d, c := gpu(t)
	turns := must[*Turns](t)(d.NewTurns(c))
	const tokens, heads, dim, ld = 2, 3, 40, 3*2*40 + 5
	o, q := normal(1, tokens*heads*dim), normal(2, tokens*ld+7)
	out := upload(t, d, o)
	check(t, turns.Gate(out, Place{upload(t, d, q), 4 * 7, ld}, tokens, heads, dim))
	got := read(t, out, len(o))
	for i := range o {
		h, k := i/dim, i%dim
		gate := q[7+h/heads*ld+(2*(h%heads)+1)*dim+k]
		if want := float64(o[i]) / (1 + math.Exp(-float64(gate))); !(math.Abs(float64(got[i])-want) < 1e-6) {
			t.Fatalf("output %d is %g, want %g", i, got[i], want)
		}
	}
}

// TestPlace fills and empties cells.
func TestPlace(t *testing.T) {
	d, c := gpu(t)
	turns := must[*Turns](t)(d.NewTurns(c))
	cells := must[*Cells](t)(d.NewCells(64))
	want := sequence(100, 64)
	check(t, Write(cells.Positions, 0, want))
	check(t, turns.Place(cells, upload(t, d, []int32{7, 8, 9}), upload(t, d, []int32{3, 64, 60}), 3, upload(t, d, []int32{3, 5, -1, 99}), 4))
	want[3], want[60], want[5] = 7, 9, -1
	got := make([]int32, 64)
	check(t, Read(cells.Positions, 0, got))
	if !slices.Equal(got, want) {
		t.Errorf("positions are %d, want %d", got, want)
	}
}

// TestHeadsRefuses gives what does not fit.
func TestHeadsRefuses(t *testing.T) {
	d, c := gpu(t)
	s := choiceSide("f16", "", 64)
	h := must[*Heads](t)(d.NewHeads(c, Pair{s, s}))
	m := upload(t, d, make([]float32, 1000))
	l := HeadsLayer{Heads: 2, Keys: must[*Rows](t)(d.NewRows(c, s, true, 1, 64)), Values: must[*Rows](t)(d.NewRows(c, s, false, 1, 64))}
	b := HeadsBatch{Tokens: 1, Q: Place{m, 0, 256}, K: Place{m, 512, 256}, V: Place{m, 768, 256}, Positions: m, Cells: m, Queries: m}
	check(t, h.Run(&l, &b))
	for i, change := range []func(l *HeadsLayer, b *HeadsBatch){
		func(l *HeadsLayer, b *HeadsBatch) { b.Tokens = 0 },
		func(l *HeadsLayer, b *HeadsBatch) { b.Tokens = 9 },
		func(l *HeadsLayer, b *HeadsBatch) { b.Q.LD = 100 },
		func(l *HeadsLayer, b *HeadsBatch) { b.K.At = 3990 },
		func(l *HeadsLayer, b *HeadsBatch) { l.Pairs = 40 },
		func(l *HeadsLayer, b *HeadsBatch) { l.Pairs = 4 },
		func(l *HeadsLayer, b *HeadsBatch) { l.Values = l.Keys },
		func(l *HeadsLayer, b *HeadsBatch) { l.KNorm = &Norm{nil, -1} },
		func(l *HeadsLayer, b *HeadsBatch) { l.Temper = 1 },
		func(l *HeadsLayer, b *HeadsBatch) { l.Mu = m.Slice(0, 8) },
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
