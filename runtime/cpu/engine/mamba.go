package engine

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// mambaPass is a batch in a Mamba. Tokens of a sequence follow one another, so that the work is
// shared out by heads.
type mambaPass struct {
	p     *pass
	s     *program.MambaStep
	in    []float32 // [n][z, x, B, C, dt]
	mixed []float32 // [n][x, B, C] after the convolution
	out   []float32 // [n][Heads][Dim]
	conv  convolution
	gates mambaGates
}

// mamba computes y from x.
func (p *pass) mamba(s *program.MambaStep, y, x []float32) error {
	t, inner, channels := &p.ssm, s.Heads*s.Dim, s.Channels()
	ld := s.In.Parts[0].Rows
	t.p, t.s = p, s
	t.in, t.mixed, t.out = grow(t.in, p.n*ld), grow(t.mixed, p.n*channels), grow(t.out, p.n*inner)
	if err := p.matmul(s.In, x, t.in); err != nil {
		return err
	}
	t.conv = convolution{p: p, channels: channels, taps: s.Taps, src: t.in, ld: ld, at: inner, dst: t.mixed,
		weights: s.Conv, bias: s.ConvBias, activated: true, state: s.State}
	if err := p.pool.Run(&t.conv); err != nil {
		return err
	}
	if err := p.pool.Run(t); err != nil {
		return err
	}
	t.gates.mambaPass = t
	if err := p.each(&t.gates, p.n); err != nil {
		return err
	}
	return p.matmul(s.Out, t.out, y)
}

func (t *mambaPass) Do(w, workers int) {
	s, first := t.s, (t.s.Taps-1)*t.s.Channels()
	lo, hi := cpu.Split(s.Heads, 1, w, workers)
	for head := lo; head < hi; head++ {
		j := 0
		for _, run := range t.p.runs {
			state := t.p.cache.StateSeq(s.State, run.Seq)[first:][head*s.Size*s.Dim:][:s.Size*s.Dim]
			for range run.N {
				t.step(state, head, j)
				j++
			}
		}
	}
}

// step is one token of one head, whose state is [Size][Dim].
func (t *mambaPass) step(state []float32, head, j int) {
	s, vec := t.s, t.p.vec
	inner, channels, ld := s.Heads*s.Dim, s.Channels(), s.In.Parts[0].Rows
	mixed := t.mixed[j*channels:][:channels]
	x := mixed[head*s.Dim:][:s.Dim]
	group := head / (s.Heads / s.Groups)
	b, c := mixed[inner+group*s.Size:][:s.Size], mixed[inner+(s.Groups+group)*s.Size:][:s.Size]
	dt := softplus(float64(t.in[j*ld+inner+channels+head] + s.Step[head]))
	keep := float32(math.Exp(dt * float64(s.Decay[head])))
	out := t.out[(j*s.Heads+head)*s.Dim:][:s.Dim]
	clear(out)
	vec.Blend(out, x, 0, s.Skip[head])
	for i := range s.Size {
		row := state[i*s.Dim:][:s.Dim]
		vec.Blend(row, x, keep, b[i]*float32(dt))
		vec.Blend(out, row, 1, c[i])
	}
}

// mambaGates lets the outputs through and normalises them, each group of heads by itself.
type mambaGates struct{ *mambaPass }

func (t *mambaGates) Do(w, workers int) {
	s := t.s
	inner, ld := s.Heads*s.Dim, s.In.Parts[0].Rows
	lo, hi := cpu.Split(t.p.n, 1, w, workers)
	for j := lo; j < hi; j++ {
		out := t.out[j*inner:][:inner]
		z := t.in[j*ld:][:inner]
		t.p.vec.SiLUMul(z, out)
		copy(out, z)
		if s.Norm == nil {
			continue
		}
		for g, n := 0, inner/s.Groups; g < s.Groups; g++ {
			part := out[g*n:][:n]
			t.p.vec.RMSNorm(part, part, s.Norm.W[g*n:][:n], s.Norm.Eps)
		}
	}
}
