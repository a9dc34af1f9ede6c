//go:build emulate || gpu

package engine

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
	"github.com/kvgen/kvgen/runtime/program"
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

// stateSize is the values of the state of a sequence.
func (w *deltaNet) stateSize() int {
	return (w.taps-1)*(2*w.keys+w.values)*w.dim + w.values*w.dim*w.dim
}

// newDeltaNet is a layer with weights of about 1, whose decays keep something.
func newDeltaNet(keys, values, dim, taps int) *deltaNet {
	w := &deltaNet{keys: keys, values: values, dim: dim, taps: taps, conv: gputest.Normal(1, taps*(2*keys+values)*dim), decay: gputest.Normal(2, values), step: gputest.Normal(3, values), norm: gputest.Normal(4, dim)}
	for i, v := range w.decay {
		w.decay[i] = -v * v
	}
	return w
}

// onDevice is the layer's op for batches of up to most tokens with the states of sequences, and
// what it reads and writes. Products lie in one row, as they do in models of one type: QKV, gates,
// alpha, beta.
func (w *deltaNet) onDevice(t testing.TB, b *Backend, most, sequences int) (o *delta, state, in, out *gpu.Buffer, row int) {
	t.Helper()
	d := b.Queue
	channels := (2*w.keys + w.values) * w.dim
	row = channels + w.values*w.dim + 2*w.values
	at := func(m *gpu.Buffer, i int) uint64 { return m.Address() + uint64(4*i) }
	in, out = gputest.Upload(t, d, make([]float32, most*row)), gputest.Upload(t, d, make([]float32, most*w.values*w.dim))
	mixed := gputest.Upload(t, d, make([]float32, most*channels))
	state = gputest.Upload(t, d, make([]float32, sequences*w.stateSize()))
	defines := []gpu.Define{{Name: "DIM", Value: w.dim}, {Name: "TAPS", Value: w.taps}}
	f := func(name string) gpu.Kernel {
		return gputest.Must[gpu.Kernel](t)(b.Frame(name, "delta", defines...))
	}
	keys, values, ld := int32(w.keys), int32(w.values), int64(row)
	o = &delta{s: &program.DeltaStep{Dim: w.dim, ValueHeads: w.values, Taps: w.taps}, mix: f("mix"), rule: f("rule"), letOut: f("let_out"),
		mixArgs: args.Mix{Qkv: in.Address(), Conv: gputest.Upload(t, d, w.conv).Address(), Mixed: mixed.Address(), LD: ld, Keys: keys, Channels: int32(channels), Eps: 1e-6},
		ruleArgs: args.Rule{Mixed: mixed.Address(), Qkv: in.Address(), Alpha: at(in, row-2*w.values), Beta: at(in, row-w.values), Decay: gputest.Upload(t, d, w.decay).Address(),
			Step: gputest.Upload(t, d, w.step).Address(), Out: out.Address(), LD: ld, LDAlpha: ld, LDBeta: ld, Keys: keys, Values: values, Channels: int32(channels)},
		outArgs: args.LetOut{Out: out.Address(), Gate: at(in, channels), Y: out.Address(), Norm: args.Norm{W: gputest.Upload(t, d, w.norm).Address(), Eps: 1e-6, Kind: 1}, LD: ld, Values: values}}
	return o, state, in, out, row
}

// TestDelta runs batches of several sizes, one after another, and begins again.
func TestDelta(t *testing.T) {
	d := gputest.Open(t)
	b := NewBackend(d.Device)
	for _, cs := range [][4]int{{1, 2, 128, 4}, {2, 2, 36, 2}, {1, 3, 20, 1}} {
		const most = 19
		w := newDeltaNet(cs[0], cs[1], cs[2], cs[3])
		o, state, in, out, row := w.onDevice(t, b, most, 1)
		gates := (2*w.keys + w.values) * w.dim
		for turn := range 2 {
			w.seen, w.s = nil, make([]float64, w.values*w.dim*w.dim)
			gputest.Check(t, state.Clear())
			for i, n := range []int{1, 1, most, 8, 2, 1} {
				x := gputest.Normal(uint64(10*turn+i), n*row)
				gputest.Check(t, gpu.Write(in, 0, x))
				gputest.Check(t, o.Launch(state.Address(), args.Sequences{Count: 1, Tokens: int32(n)}))
				got := make([]float32, n*w.values*w.dim)
				gputest.Check(t, gpu.Read(out, 0, got))
				for j := range n {
					x := x[j*row:]
					want := w.token(x, x[gates:], x[row-2*w.values:], x[row-w.values:])
					for k, v := range want {
						if g := float64(got[j*len(want)+k]); !(math.Abs(g-v) <= 2e-4*(1+math.Abs(v))) {
							t.Fatalf("%v, batch %d, token %d, output %d: %g, not %g", cs, i, j, k, g, v)
						}
					}
				}
			}
		}
	}
}

// TestDeltaOfSequences mixes tokens of several sequences in batches, each with a state of its own,
// and drops one.
func TestDeltaOfSequences(t *testing.T) {
	d := gputest.Open(t)
	const most, sequences = 40, 40
	w := newDeltaNet(1, 3, 36, 3)
	o, state, in, out, row := w.onDevice(t, NewBackend(d.Device), most, sequences)
	gates := (2*w.keys + w.values) * w.dim
	nets := map[int32]*deltaNet{}
	var all [][2]int32 // more than a warp looks at at once
	for seq := range int32(sequences) {
		all = append(all, [2]int32{sequences - 1 - seq, 1})
	}
	for i, batch := range [][][2]int32{{{7, 3}, {2, 9}}, {{2, 1}, {7, 1}, {39, 1}}, {{0, 12}, {7, 1}, {2, 2}, {11, 9}}, {{2, 1}, {11, 1}, {7, 5}}, all} {
		var runs []int32
		n := int32(0)
		for _, r := range batch {
			runs = append(runs, n, r[1], r[0], 0)
			n += r[1]
		}
		x := gputest.Normal(uint64(i), int(n)*row)
		gputest.Check(t, gpu.Write(in, 0, x))
		gputest.Check(t, o.Launch(state.Address(), args.Sequences{Runs: gputest.Upload(t, d, runs).Address(), State: int64(w.stateSize()), Count: int32(len(batch)), Tokens: n}))
		got := gputest.Read(t, out, int(n)*w.values*w.dim)
		for _, r := range batch {
			net := nets[r[0]]
			if net == nil {
				net = newDeltaNet(1, 3, 36, 3)
				net.s = make([]float64, w.values*w.dim*w.dim)
				nets[r[0]] = net
			}
			for j := range r[1] {
				for k, v := range net.token(x, x[gates:], x[row-2*w.values:], x[row-w.values:]) {
					if g := float64(got[k]); !(math.Abs(g-v) <= 2e-4*(1+math.Abs(v))) {
						t.Fatalf("batch %d, sequence %d, token %d, output %d: %g, not %g", i, r[0], j, k, g, v)
					}
				}
				x, got = x[row:], got[w.values*w.dim:]
			}
		}
	}
}
