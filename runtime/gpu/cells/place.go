package cells

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
)

// Place is the kernel that writes positions of a batch into cells, without the host.
type Place struct{ place gpu.Kernel }

// NewPlace compiles it.
func NewPlace(q *gpu.Queue) (*Place, error) {
	k, err := q.Kernel("place", rope.Source)
	return &Place{k}, err
}

// Run writes the positions [tokens] of a batch to the cells [tokens] that they were given, after it
// emptied the cells left [leaving] that exact rows have left. All are of int32; a cell that there
// is not is left out. The head of the cells is the host's to write.
func (p *Place) Run(c *Cells, positions, cells *gpu.Buffer, tokens int, left *gpu.Buffer, leaving int) error {
	if tokens < 0 || leaving < 0 {
		return fmt.Errorf("gpu: at least 0 cells are taken and left: %d and %d were given", tokens, leaving)
	}
	a := args.Place{Held: c.Positions.Address(), Tokens: int32(tokens), Leaving: int32(leaving), Capacity: int32(c.Capacity)}
	if leaving > 0 {
		if err := left.Holds("list of cells that are left", uint64(4*leaving)); err != nil {
			return err
		}
		a.Left = left.Address()
	}
	if tokens > 0 {
		for _, m := range []*gpu.Buffer{positions, cells} {
			if err := m.Fits(0, uint64(4*tokens)); err != nil {
				return err
			}
		}
		a.Positions, a.Cells = positions.Address(), cells.Address()
	}
	return p.place.Launch(gpu.Grid{X: 1, Threads: 256}, &a)
}
