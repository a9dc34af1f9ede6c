package kv

import "fmt"

// Cells says which position each cell of a group of layers holds. Layers that see everything share one, in order of
// position. Layers of one sliding window share a ring that keeps the window and one batch.
type Cells struct {
	Window int     // positions that a query sees, itself included; 0 for all
	pos    []int32 // [capacity], -1 for an empty cell
	used   int     // cells 0..used-1 have been written
	next   int     // cell that the next position takes
	batch  []int32 // cells of the batch placed last, by token
	stamp  int     // counts the changes of pos
}

func newCells(window, size, batch int) *Cells {
	c := &Cells{Window: window, pos: make([]int32, capacity(window, size, batch)), batch: make([]int32, 0, batch)}
	c.clear()
	return c
}

// capacity is the number of cells that a layer needs.
func capacity(window, size, batch int) int {
	if window > 0 {
		return min(size, window+batch)
	}
	return size
}

// Pos is the position of every cell that has been written, -1 where it was dropped since.
func (c *Cells) Pos() []int32 { return c.pos[:c.used] }

// Stamp changes whenever Pos does.
func (c *Cells) Stamp() int { return c.stamp }

// Batch is the cell of each token of the batch placed last.
func (c *Cells) Batch() []int32 { return c.batch }

func (c *Cells) clear() {
	for i := range c.pos {
		c.pos[i] = -1
	}
	c.used, c.next, c.batch = 0, 0, c.batch[:0]
	c.stamp++
}

// place gives the positions first..first+n-1 to cells, in a ring those that were written longest ago.
func (c *Cells) place(first int32, n int) {
	c.batch = c.batch[:0]
	c.stamp++
	for i := range n {
		if c.next == len(c.pos) {
			c.next = 0 // only a ring gets here: Cache.Place has checked the size
		}
		c.pos[c.next] = first + int32(i)
		c.batch = append(c.batch, int32(c.next))
		c.next++
		c.used = max(c.used, c.next)
	}
}

// canTruncate says whether the cells still hold all that a query at position n sees.
func (c *Cells) canTruncate(n, end int32) error {
	if c.Window == 0 {
		return nil
	}
	held := int32(0)
	for _, p := range c.Pos() {
		if p >= 0 && p < n && p > n-int32(c.Window) {
			held++
		}
	}
	if need := min(n, int32(c.Window)-1); held < need {
		return fmt.Errorf("cannot go back from position %d to %d: %d of the %d positions in its sliding window are gone",
			end, n, need-held, need)
	}
	return nil
}

// truncate drops the positions from n on. The last end-n cells written are those.
func (c *Cells) truncate(n, end int32) {
	for i, p := range c.Pos() {
		if p >= n {
			c.pos[i] = -1
		}
	}
	c.batch = c.batch[:0]
	c.stamp++
	switch back := int(end - n); {
	case n == 0 || back >= len(c.pos):
		c.clear()
	case back <= c.next:
		c.next -= back
	default:
		c.next += len(c.pos) - back
	}
	if c.Window == 0 {
		c.used = c.next
	}
}
