package attend

import (
	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
)

// Offset is a constant that was taken out of the keys of one layer before RoPE; attention adds its
// score. The contract is that of attention.Offset in runtime/attention.
type Offset struct {
	Mu   *gpu.Buffer // [KV heads][key dim] of float32
	Rope *rope.Tables
}

func (o *Offset) args() args.Mu {
	t := o.Rope
	return args.Mu{Mu: o.Mu.Address(), Table: t.Table.Address(), Block: t.Block.Address(), Rest: t.Rest.Address(), Blocks: int32(t.Blocks), Magnitude: t.Magnitude}
}
