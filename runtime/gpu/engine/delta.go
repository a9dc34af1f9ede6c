package engine

import (
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// delta is a recurrent layer by the gated delta rule, between its products. The tokens of a batch
// follow one another in it, heads and the columns of their matrices do not depend on each other.
type delta struct {
	s                 *program.DeltaStep
	in                *matmul
	mix, rule, letOut gpu.Kernel
	mixArgs           args.Mix // but for the state, here and below
	ruleArgs          args.Rule
	outArgs           args.LetOut
}

// ruleColumns is the columns of a head's matrix that a block of rule has, each in four lanes.
const ruleColumns = 32

// MostDelta is the values of a head whose matrix the registers of its blocks hold.
const MostDelta = 512

func (e *engine) delta(s *program.DeltaStep, x, y *gpu.Buffer) ([]op, error) {
	if s.Grouped && s.KeyHeads > 1 && s.ValueHeads > s.KeyHeads {
		return nil, errors.New("gpu: no kernel has value heads that use key heads in groups")
	}
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
	d.mixArgs = args.Mix{Conv: vectors[0], Mixed: mixed.Address(), Keys: int32(s.KeyHeads), Channels: int32(channels), Eps: s.Eps}
	d.ruleArgs = args.Rule{Mixed: mixed.Address(), Decay: vectors[1], Step: vectors[2], Out: out.Address(),
		Keys: int32(s.KeyHeads), Values: int32(s.ValueHeads), Channels: int32(channels)}
	d.outArgs = args.LetOut{Out: out.Address(), Y: out.Address(), Values: int32(s.ValueHeads)}
	if d.outArgs.Norm, err = e.w.norm(s.Norm); err != nil {
		return nil, err
	}
	part := func(i int) (uint64, int64) {
		at, row := d.in.part(i)
		return at, int64(row)
	}
	d.mixArgs.Qkv, d.mixArgs.LD = part(0)
	d.ruleArgs.Qkv, d.ruleArgs.LD = part(0)
	d.outArgs.Gate, d.outArgs.LD = part(1)
	d.ruleArgs.Alpha, d.ruleArgs.LDAlpha = part(2)
	d.ruleArgs.Beta, d.ruleArgs.LDBeta = part(3)
	back, err := e.matmul(s.Out, out, y, "")
	return []op{d.in, d, back}, err
}

func (d *delta) run(e *engine, c *cache, n int) error {
	of := args.Sequences{State: int64(e.w.program.States[d.s.State].Values), Count: 1, Tokens: int32(n)}
	if c.lists.Several() {
		of.Runs, of.Count = c.lists.RunsOf(false).Address(), int32(len(c.runs))
	}
	return d.Launch(c.states[d.s.State].Address(), of)
}

// Launch computes a batch from the states of sequences, [sequences] of history and matrices.
func (d *delta) Launch(state uint64, of args.Sequences) error {
	s, m, r, o, n := d.s, d.mixArgs, d.ruleArgs, d.outArgs, int(of.Tokens)
	m.History, r.History, m.Of, r.Of = state, state, of, of
	r.Matrices = state + uint64(4*(s.Taps-1)*int(r.Channels))
	if err := d.mix.Launch(gpu.Grid{X: n, Y: int(m.Channels) / s.Dim, Threads: 32}, &m); err != nil {
		return err
	}
	if err := d.rule.Launch(gpu.Grid{X: int(of.Count) * ((s.Dim + ruleColumns - 1) / ruleColumns), Y: s.ValueHeads, Threads: 4 * ruleColumns}, &r); err != nil {
		return err
	}
	return d.letOut.Launch(gpu.Grid{X: n, Y: s.ValueHeads, Threads: 32}, &o)
}
