package attend

import (
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
)

// Offset is a constant that was taken out of the keys of one layer before RoPE; attention adds its
// score. The contract is that of attention.Offset in runtime/attention.
type Offset struct {
	Mu   *gpu.Buffer // [KV heads][key dim] of float32
	Rope *rope.Tables
}

// muArgs is struct Mu of offset.cuh.
type muArgs struct {
	mu, table, block, rest uint64
	blocks                 int32
	magnitude              float32
}

func (o *Offset) args() muArgs {
	t := o.Rope
	return muArgs{mu: o.Mu.Address(), table: t.Table.Address(), block: t.Block.Address(), rest: t.Rest.Address(), blocks: int32(t.Blocks), magnitude: t.Magnitude}
}
