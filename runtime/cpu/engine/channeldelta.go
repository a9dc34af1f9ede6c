package engine

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// channelDelta is a batch in a ChannelDelta. Tokens of a sequence follow one another, so that the
// work is shared out by heads.
type channelDelta struct {
	p           *pass
	s           *program.ChannelDeltaStep
	in, mixed   [3][]float32 // [n][Heads*Dim] of Q, K and V, before and after the convolutions
	rates       []float32    // [n][Heads]
	low         []float32    // [n][rank]
	decay, gate []float32    // [n][Heads*Dim]; the outputs take the place of decay
	conv        convolution
}

// channelDeltaNet computes y from x.
func (p *pass) channelDeltaNet(s *program.ChannelDeltaStep, y, x []float32) error {
	t, n := &p.channel, s.Heads*s.Dim
	t.p, t.s = p, s
	for i := range t.in {
		t.in[i], t.mixed[i] = grow(t.in[i], p.n*n), grow(t.mixed[i], p.n*n)
	}
	t.rates, t.decay, t.gate = grow(t.rates, p.n*s.Heads), grow(t.decay, p.n*n), grow(t.gate, p.n*n)
	if err := p.matmul(s.In, x, t.in[0], t.in[1], t.in[2], t.rates); err != nil {
		return err
	}
	for _, low := range []struct {
		down, up *program.Products
		to       []float32
	}{{s.DecayDown, s.DecayUp, t.decay}, {s.GateDown, s.GateUp, t.gate}} {
		t.low = grow(t.low, p.n*low.down.Parts[0].Rows)
		if err := p.matmul(low.down, x, t.low); err != nil {
			return err
		}
		if err := p.matmul(low.up, t.low, low.to); err != nil {
			return err
		}
	}
	for i := range t.in {
		t.conv = convolution{p: p, channels: n, taps: s.Taps, src: t.in[i], ld: n, dst: t.mixed[i], weights: s.Conv[i], activated: true,
			state: s.State, first: i * (s.Taps - 1) * n}
		if err := p.pool.Run(&t.conv); err != nil {
			return err
		}
	}
	if err := p.pool.Run(t); err != nil {
		return err
	}
	return p.matmul(s.Out, t.decay, y)
}

func (t *channelDelta) Do(w, workers int) {
	s, n := t.s, t.s.Heads*t.s.Dim
	lo, hi := cpu.Split(s.Heads, 1, w, workers)
	for head := lo; head < hi; head++ {
		j := 0
		for _, run := range t.p.runs {
			matrix := t.p.cache.StateSeq(s.State, run.Seq)[3*(s.Taps-1)*n+head*s.Dim*s.Dim:][:s.Dim*s.Dim]
			for range run.N {
				t.step(w, matrix, head, j)
				j++
			}
		}
	}
}

// step is one token of one head.
func (t *channelDelta) step(w int, matrix []float32, head, j int) {
	s, vec, dim, n := t.s, t.p.vec, t.s.Dim, t.s.Heads*t.s.Dim
	at := j*n + head*dim
	q, k, v := t.mixed[0][at:][:dim], t.mixed[1][at:][:dim], t.mixed[2][at:][:dim]
	vec.Scale(q, unit(q, s.Eps)/float32(math.Sqrt(float64(dim))))
	vec.Scale(k, unit(k, s.Eps))
	decay := t.decay[at:][:dim]
	for i, d := range decay {
		decay[i] = float32(math.Exp(softplus(float64(d+s.Step[head*dim+i])) * float64(s.Decay[head])))
	}
	rate := float32(1 / (1 + math.Exp(-float64(t.rates[j*s.Heads+head]))))
	held := grow(t.p.workers[w].out, dim) // what k leads to before the correction
	t.p.workers[w].out = held
	clear(held)
	for i, x := range k {
		row := matrix[i*dim:][:dim]
		vec.Scale(row, decay[i])
		vec.Blend(held, row, 1, x)
	}
	vec.Blend(v, held, rate, -rate)
	out := decay // which has done its work
	clear(out)
	for i, x := range k {
		row := matrix[i*dim:][:dim]
		vec.Blend(row, v, 1, x)
		vec.Blend(out, row, 1, q[i])
	}
	normalise(vec, s.Norm, out, out)
	vec.SigmoidMul(out, t.gate[at:][:dim])
}
