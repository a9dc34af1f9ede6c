//go:build emulate || gpu

package cuda

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/runtime/model"
)

// deltaNet is a layer by the rule of model.DeltaNet in float64, token by token.
type deltaNet struct {
	keys, values, dim, taps int
	conv, decay, step, norm []float32
	seen                    [][]float64 // all tokens before the convolution
	s                       []float64   // [values][dim][dim]
}

func (d *deltaNet) token(qkv, gate, alpha, beta []float32) (y []float64) {
	silu := func(x float64) float64 { return x / (1 + math.Exp(-x)) }
	channels := (2*d.keys + d.values) * d.dim
	now := make([]float64, channels)
	for i := range now {
		now[i] = float64(qkv[i])
	}
	d.seen = append(d.seen, now)
	x := make([]float64, channels)
	for i := range x {
		for tap := range d.taps {
			if at := len(d.seen) - d.taps + tap; at >= 0 {
				x[i] += d.seen[at][i] * float64(d.conv[tap*channels+i])
			}
		}
		x[i] = silu(x[i])
	}
	for h := range 2 * d.keys {
		v := x[h*d.dim:][:d.dim]
		sum := 0.0
		for _, e := range v {
			sum += e * e
		}
		by := 1 / max(math.Sqrt(sum), 1e-6)
		if h < d.keys {
			by /= math.Sqrt(float64(d.dim))
		}
		for i := range v {
			v[i] *= by
		}
	}
	for h := range d.values {
		q, k, v := x[h%d.keys*d.dim:], x[(d.keys+h%d.keys)*d.dim:], x[(2*d.keys+h)*d.dim:]
		s := d.s[h*d.dim*d.dim:]
		keep := math.Exp(math.Log1p(math.Exp(float64(alpha[h]+d.step[h]))) * float64(d.decay[h]))
		rate := 1 / (1 + math.Exp(-float64(beta[h])))
		out, power := make([]float64, d.dim), 0.0
		for c := range d.dim {
			held := 0.0
			for i := range d.dim {
				s[i*d.dim+c] *= keep
				held += k[i] * s[i*d.dim+c]
			}
			for i := range d.dim {
				s[i*d.dim+c] += k[i] * rate * (v[c] - held)
				out[c] += q[i] * s[i*d.dim+c]
			}
			power += out[c] * out[c]
		}
		for c, o := range out {
			y = append(y, o/math.Sqrt(power/float64(d.dim)+1e-6)*float64(d.norm[c])*silu(float64(gate[h*d.dim+c])))
		}
	}
	return y
}

// TestDelta runs batches of several sizes, one after another, and begins again.
func TestDelta(t *testing.T) {
	d, c := gpu(t)
	b := NewBackend(d, c)
	for _, cs := range []struct{ keys, values, dim, taps int }{{1, 2, 128, 4}, {2, 2, 36, 2}, {1, 3, 20, 1}} {
		channels := (2*cs.keys + cs.values) * cs.dim
		w := &deltaNet{keys: cs.keys, values: cs.values, dim: cs.dim, taps: cs.taps, conv: normal(1, cs.taps*channels), decay: normal(2, cs.values), step: normal(3, cs.values), norm: normal(4, cs.dim)}
		for i, v := range w.decay {
			w.decay[i] = -v * v
		}
		const most = 19
		gates, row := channels, channels+cs.values*cs.dim+2*cs.values // the products lie in one row, as they do in models of one type
		at := func(m *Memory, i int) uint64 { return m.at + uint64(4*i) }
		in := upload(t, d, make([]float32, most*row))
		mixed, out := upload(t, d, make([]float32, most*channels)), upload(t, d, make([]float32, most*cs.values*cs.dim))
		state := upload(t, d, make([]float32, (cs.taps-1)*channels+cs.values*cs.dim*cs.dim))
		defines := []define{{"DIM", cs.dim}, {"TAPS", cs.taps}}
		o := &delta{s: &model.DeltaStep{Dim: cs.dim, ValueHeads: cs.values, Taps: cs.taps},
			mix: must[*Function](t)(b.function("mix", "delta.cu", defines...)), rule: must[*Function](t)(b.function("rule", "delta.cu", defines...)),
			letOut:  must[*Function](t)(b.function("let_out", "delta.cu", defines...)),
			mixArgs: mixArgs{qkv: in.at, conv: upload(t, d, w.conv).at, mixed: mixed.at, ld: int64(row), keys: int32(cs.keys), channels: int32(channels), eps: 1e-6},
			ruleArgs: ruleArgs{mixed: mixed.at, qkv: in.at, alpha: at(in, row-2*cs.values), beta: at(in, row-cs.values), decay: upload(t, d, w.decay).at,
				step: upload(t, d, w.step).at, out: out.at, ld: int64(row), ldAlpha: int64(row), ldBeta: int64(row), keys: int32(cs.keys), values: int32(cs.values), channels: int32(channels)},
			outArgs: letOutArgs{out: out.at, gate: at(in, gates), y: out.at, norm: norm{w: upload(t, d, w.norm).at, eps: 1e-6, kind: 1}, ld: int64(row), values: int32(cs.values)}}
		cache := &cache{states: []*Memory{state}}
		for turn := range 2 {
			w.seen, w.s = nil, make([]float64, cs.values*cs.dim*cs.dim)
			check(t, cache.forget())
			for i, n := range []int{1, 1, most, 8, 2, 1} {
				x := normal(uint64(10*turn+i), n*row)
				check(t, Write(in, 0, x))
				check(t, o.run(nil, cache, n))
				got := make([]float32, n*cs.values*cs.dim)
				check(t, Read(out, 0, got))
				for j := range n {
					x := x[j*row:]
					want := w.token(x, x[gates:], x[row-2*cs.values:], x[row-cs.values:])
					for k, v := range want {
						if g := float64(got[j*len(want)+k]); !(math.Abs(g-v) <= 2e-4*(1+math.Abs(v))) {
							t.Fatalf("%+v, batch %d, token %d, output %d: %g, not %g", cs, i, j, k, g, v)
						}
					}
				}
			}
		}
	}
}
