package model

import (
	"context"
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/runtime/cpu/engine"
	"github.com/kvgen/kvgen/runtime/kv"
)

// KeyBias is the bias of the keys of a KV layer, [Heads][KeyDim], which is a constant part of all
// of them before RoPE; an error where there is none or where a norm follows it.
func (m *Model) KeyBias(layer int) ([]float32, error) {
	const k = 1 // of the matrices of an attention, after Q
	a := m.program.Attention[layer]
	bias := a.QKV.Parts[k].Bias
	switch {
	case bias == nil:
		return nil, errors.New("its keys have no bias tensor")
	case a.Latent != nil:
		return nil, errors.New("its keys are made of a latent")
	case a.KNorm != nil:
		return nil, errors.New("its keys are normalised after the bias is added")
	}
	return bias, nil
}

// Keys runs tokens with a cache of f32 and f32 activations, and calls visit for every KV layer of
// each batch. visit gets keys as they are before RoPE and after a norm: [n][Heads][KeyDim] of the
// tokens from number first on, valid until visit returns. It ends when ctx is done, looked at
// between layers.
func (m *Model) Keys(ctx context.Context, tokens []int32, threads int, visit func(layer, first int, k []float32)) error {
	f32 := kv.Choice{Type: m.Table.ByID(0)}
	plan, err := kv.NewPlan(m.program.KV, kv.Policy{K: f32, V: f32})
	if err != nil {
		return fmt.Errorf("running the model with an f32 cache: %w", err)
	}
	c, err := m.NewContext(Options{Plan: plan, Size: max(1, len(tokens)), Threads: threads, Stop: ctx.Err})
	if err != nil {
		return err
	}
	defer c.Close()
	e := c.stages[0].Engine.(*engine.Engine)
	for lo := 0; lo < len(tokens); lo += c.Batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(lo+c.Batch, len(tokens))
		e.Observe(c.Batch, func(layer int, k []float32) { visit(layer, lo, k) })
		if err := c.run(tokens[lo:hi], func(int, int) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}
