package rows

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// Evict packs rows that leave the exact ones.
type Evict struct {
	Packed, Exact Pair
	evict         gpu.Kernel
}

// NewEvict compiles it.
func NewEvict(q *gpu.Queue, packed, exact Pair) (*Evict, error) {
	k, err := q.Kernel("evict", func(d *gpu.Dialect) (*gpu.Source, error) { return EvictSource(d, packed, exact) })
	return &Evict{packed, exact, k}, err
}

// Run packs n rows of a layer: that of cell from[i] of the exact rows e, decoded, goes to cell
// to[i] of l, both [n] of int32. Where one of them is below 0 nothing moves, so that a graph may
// have room for more rows than leave. The bits are those of the CPU's cache.
func (x *Evict) Run(l, e *Segment, from, to *gpu.Buffer, n int) error {
	if e == nil || l.Keys.Side != x.Packed.Key || l.Values.Side != x.Packed.Value || e.Keys.Side != x.Exact.Key || e.Values.Side != x.Exact.Value {
		return fmt.Errorf("gpu: rows are evicted between the pairs that the kernel was compiled for, into K %s and V %s: the layer has others", x.Packed.Key.Type.Name, x.Packed.Value.Type.Name)
	}
	for _, m := range []*gpu.Buffer{from, to} {
		if err := l.Keys.checkLists(m, n, nil); err != nil {
			return err
		}
	}
	a := args.Evict{From: from.Address(), To: to.Address(), Keys: l.Keys.Args(), Values: l.Values.Args(), ExactKeys: e.Keys.Args(), ExactValues: e.Values.Args(), KVHeads: int32(l.Keys.Heads)}
	return x.evict.Launch(gpu.Grid{X: n, Y: 2 * l.Keys.Heads, Threads: 32}, &a)
}
