package qkv

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
)

// Gate is the kernel of attention whose outputs are gated.
type Gate struct{ gates gpu.Kernel }

// NewGate compiles it.
func NewGate(q *gpu.Queue) (*Gate, error) {
	k, err := q.Kernel("gates", rope.Source)
	if err != nil {
		return nil, err
	}
	return &Gate{k.Overlap()}, nil
}

// Run multiplies o [tokens][heads][dim] by the sigmoids of gates, which lie in the product of Q
// behind each head's query.
func (g *Gate) Run(o *gpu.Buffer, q View, tokens, heads, dim int) error {
	if tokens < 1 || heads < 1 || dim < 1 {
		return fmt.Errorf("gpu: gates need at least 1 token, 1 head and 1 value: %d tokens, %d heads of %d values", tokens, heads, dim)
	}
	if err := q.fits(tokens, 2*heads*dim); err != nil {
		return err
	}
	if err := o.Holds("outputs of attention", uint64(4*tokens*heads*dim)); err != nil {
		return err
	}
	a := args.Gates{O: o.Address(), Gate: q.at() + uint64(4*dim), LD: int64(q.LD), Step: int32(2 * dim), Dim: int32(dim)}
	return g.gates.Launch(gpu.Grid{X: tokens, Y: heads, Threads: 128}, &a)
}
