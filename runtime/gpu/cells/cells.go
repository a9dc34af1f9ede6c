package cells

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

// Cells is the device's copy of kv.Cells: which position each cell of some rows holds. Kernels read
// it when they run, so that a graph that was recorded once serves every token. Of several sequences
// Head is [sequences] of heads and Positions the piece with the lists of pages that these name, as
// Page of segment.cuh says.
type Cells struct {
	Capacity int // cells, a multiple of 64

	// Head is four int32: cells in use; the position of cell 0; 1 where every cell c in use holds
	// that position plus c, so that positions need not be read; 0.
	Head *gpu.Buffer

	// Positions is [Capacity] of int32, -1 for an empty cell. Cells that are not in use may hold
	// anything.
	Positions *gpu.Buffer

	own   *gpu.Buffer
	stamp int
	from  *kv.Cells // that stamp is of
}

// New allocates cells for rows of this capacity, all empty.
func New(d *gpu.Queue, capacity int) (*Cells, error) {
	if capacity < 1 {
		return nil, fmt.Errorf("gpu: rows have at least 1 cell: %d were asked for", capacity)
	}
	c := &Cells{Capacity: (capacity + 63) / 64 * 64}
	var err error
	if c.own, err = d.Alloc(uint64(16 + 4*c.Capacity)); err != nil {
		return nil, err
	}
	c.Head, c.Positions = c.own.Slice(0, 16), c.own.Slice(16, uint64(4*c.Capacity))
	return c, nil
}

// In is Cells whose head and positions lie in other pieces, such as one that takes all that changes
// from token to token.
func In(head, positions *gpu.Buffer) (*Cells, error) {
	if err := head.Holds("head of cells", 16); err != nil {
		return nil, err
	}
	if head.Address()%16 != 0 || positions.Address()%16 != 0 {
		return nil, fmt.Errorf("gpu: the head and the positions of cells begin at multiples of 16 bytes: at %#x and %#x", head.Address(), positions.Address())
	}
	return &Cells{Capacity: int(positions.Size / 4 / 64 * 64), Head: head, Positions: positions}, nil
}

// Mirror brings the device's copy to the state of x. It copies the head alone where the cells are
// in order.
func (c *Cells) Mirror(x *kv.Cells) error {
	if c.from == x && c.stamp == x.Stamp() {
		return nil
	}
	if _, ordered := x.Ordered(); !ordered {
		return c.MirrorAll(x)
	}
	return c.head(x)
}

// MirrorAll is Mirror that copies the positions in any case: Place goes on with them, and one day
// they may not be in order.
func (c *Cells) MirrorAll(x *kv.Cells) error {
	if n := len(x.Pos()); n > c.Capacity {
		return fmt.Errorf("gpu: the device has at most %d cells: %d are in use", c.Capacity, n)
	}
	if err := gpu.Write(c.Positions, 0, x.Pos()); err != nil {
		return err
	}
	return c.head(x)
}

func (c *Cells) head(x *kv.Cells) error {
	first, ordered := x.Ordered()
	if err := gpu.Write(c.Head, 0, HeadOf(len(x.Pos()), int(first), ordered)); err != nil {
		return err
	}
	c.from, c.stamp = x, x.Stamp()
	return nil
}

// HeadOf is what Cells.Head holds.
func HeadOf(used, first int, ordered bool) []int32 {
	return []int32{int32(used), int32(first), gpu.Flag(ordered), 0}
}

// Free gives the memory back that NewCells allocated.
func (c *Cells) Free() error {
	if c.own == nil {
		return nil
	}
	return c.own.Free()
}
