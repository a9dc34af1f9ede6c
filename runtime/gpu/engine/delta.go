package engine

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/model"
)

// delta is a recurrent layer by the gated delta rule, between its products. The tokens of a batch
// follow one another in it, heads and the columns of their matrices do not depend on each other.
type delta struct {
	s                 *model.DeltaStep
	in                *matmul
	mix, rule, letOut gpu.Kernel
	mixArgs           mixArgs // but for the state, here and below
	ruleArgs          ruleArgs
	outArgs           letOutArgs
}

// mixArgs is struct Mix of delta.cu.
type mixArgs struct {
	qkv, history, conv, mixed uint64
	ld                        int64
	of                        SequencesArgs
	keys, channels            int32
	eps                       float32
}

// SequencesArgs is struct Sequences of delta.cu.
type SequencesArgs struct {
	runs          uint64
	state         int64
	Count, Tokens int32
}

// ruleArgs is struct Rule of delta.cu.
type ruleArgs struct {
	mixed, qkv, history, matrices uint64
	alpha, beta, decay, step, out uint64
	ld, ldAlpha, ldBeta           int64
	of                            SequencesArgs
	keys, values, channels        int32
}

// letOutArgs is struct LetOut of delta.cu.
type letOutArgs struct {
	out, gate, y uint64
	norm         Norm
	ld           int64
	values       int32
}

// ruleColumns is the columns of a head's matrix that a block of rule has, each in four lanes.
const ruleColumns = 32

// MostDelta is the values of a head whose matrix the registers of its blocks hold.
const MostDelta = 512

func (e *engine) delta(s *model.DeltaStep, x, y *gpu.Buffer) ([]op, error) {
	if s.Dim > MostDelta {
		return nil, fmt.Errorf("gpu: heads of a gated delta net have at most %d values on a GPU: these have %d", MostDelta, s.Dim)
	}
	d := &delta{s: s}
	for _, f := range []struct {
		to   *gpu.Kernel
		name string
	}{{&d.mix, "mix"}, {&d.rule, "rule"}, {&d.letOut, "let_out"}} {
		var err error
		if *f.to, err = e.b.Frame(f.name, "delta", gpu.Define{Name: "DIM", Value: s.Dim}, gpu.Define{Name: "TAPS", Value: s.Taps}); err != nil {
			return nil, err
		}
	}
	var err error
	if d.in, err = e.matmul(s.In, x, nil, "qkv"); err != nil {
		return nil, err
	}
	channels := s.In.Parts[0].Rows
	mixed, err := e.room("delta", channels)
	if err != nil {
		return nil, err
	}
	out, err := e.room("o", s.ValueHeads*s.Dim)
	if err != nil {
		return nil, err
	}
	var vectors [3]uint64
	for i, v := range [][]float32{s.Conv, s.Decay, s.Step} {
		m, err := e.w.vector(v)
		if err != nil {
			return nil, err
		}
		vectors[i] = m.Address()
	}
	d.mixArgs = mixArgs{conv: vectors[0], mixed: mixed.Address(), keys: int32(s.KeyHeads), channels: int32(channels), eps: s.Eps}
	d.ruleArgs = ruleArgs{mixed: mixed.Address(), decay: vectors[1], step: vectors[2], out: out.Address(),
		keys: int32(s.KeyHeads), values: int32(s.ValueHeads), channels: int32(channels)}
	d.outArgs = letOutArgs{out: out.Address(), y: out.Address(), values: int32(s.ValueHeads)}
	if d.outArgs.norm, err = e.w.norm(s.Norm); err != nil {
		return nil, err
	}
	part := func(i int) (uint64, int64) {
		at, row := d.in.part(i)
		return at, int64(row)
	}
	d.mixArgs.qkv, d.mixArgs.ld = part(0)
	d.ruleArgs.qkv, d.ruleArgs.ld = part(0)
	d.outArgs.gate, d.outArgs.ld = part(1)
	d.ruleArgs.alpha, d.ruleArgs.ldAlpha = part(2)
	d.ruleArgs.beta, d.ruleArgs.ldBeta = part(3)
	back, err := e.matmul(s.Out, out, y, "")
	return []op{d.in, d, back}, err
}

func (d *delta) run(e *engine, c *cache, n int) error {
	of := SequencesArgs{state: int64(e.w.program.States[d.s.State].Values), Count: 1, Tokens: int32(n)}
	if c.lists.Several() {
		of.runs, of.Count = c.lists.RunsOf(false).Address(), int32(len(c.runs))
	}
	return d.Launch(c.states[d.s.State].Address(), of)
}

// Launch computes a batch from the states of sequences, [sequences] of history and matrices.
func (d *delta) Launch(state uint64, of SequencesArgs) error {
	s, m, r, o, n := d.s, d.mixArgs, d.ruleArgs, d.outArgs, int(of.Tokens)
	m.history, r.history, m.of, r.of = state, state, of, of
	r.matrices = state + uint64(4*(s.Taps-1)*int(r.channels))
	if err := d.mix.Launch(gpu.Grid{X: n, Y: int(m.channels) / s.Dim, Threads: 32}, &m); err != nil {
		return err
	}
	if err := d.rule.Launch(gpu.Grid{X: int(of.Count) * ((s.Dim + ruleColumns - 1) / ruleColumns), Y: s.ValueHeads, Threads: 4 * ruleColumns}, &r); err != nil {
		return err
	}
	return d.letOut.Launch(gpu.Grid{X: n, Y: s.ValueHeads, Threads: 32}, &o)
}
