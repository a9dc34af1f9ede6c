package kv

// Cells says which position each cell of some rows holds. Packed rows that keep everything lie in order of position;
// those of a sliding window lie in a ring that keeps the window and one batch; exact rows have a cell for each of the
// first positions and a ring for the last.
type Cells struct {
	pos   []int32 // [capacity], -1 for an empty cell
	fixed int     // cells 0..fixed-1 are for the positions 0..fixed-1
	order order
	used  int     // cells 0..used-1 have been written
	next  int     // cell that the next position takes, but for the first
	batch []int32 // cells given last, by token
	stamp int     // counts the changes of pos
	row   bool    // every cell in use holds the position of cell 0 plus its number
}

// order is what the cells behind the fixed ones are.
type order int

const (
	list    order = iota // in order of position
	sliding              // a ring in which the oldest are written over
	ends                 // a ring from which the oldest are taken, so that what it holds is without gaps
)

// newCells makes cells for at most batch positions at a time; fixed of them are for the first positions.
func newCells(capacity, batch, fixed int, order order) *Cells {
	c := &Cells{fixed: fixed, order: order, pos: make([]int32, capacity), batch: make([]int32, 0, batch)}
	c.clear()
	return c
}

// Pos is the position of every cell that has been written, -1 where it was dropped since.
func (c *Cells) Pos() []int32 { return c.pos[:c.used] }

// Stamp changes whenever Pos does.
func (c *Cells) Stamp() int { return c.stamp }

// Ordered says that every cell c in use holds position first + c. Lists do at all times; a ring that came into order again after it was
// cut may not know.
func (c *Cells) Ordered() (first int32, ok bool) {
	if c.used == 0 {
		return 0, true
	}
	return c.pos[0], c.row
}

// Straight says whether the cells are in order at all times.
func (c *Cells) Straight() bool { return c.order == list && c.fixed == 0 }

// Capacity is the number of cells.
func (c *Cells) Capacity() int { return len(c.pos) }

// inspect looks at all positions again.
func (c *Cells) inspect() {
	c.row = true
	for i, p := range c.Pos() {
		c.row = c.row && p >= 0 && p == c.pos[0]+int32(i)
	}
}

// Batch is the cell of each token that was given one last.
func (c *Cells) Batch() []int32 { return c.batch }

func (c *Cells) clear() {
	for i := range c.pos {
		c.pos[i] = -1
	}
	c.used, c.next, c.batch, c.row = 0, c.fixed, c.batch[:0], true
	c.stamp++
}

// place gives the positions first..first+n-1 to cells, in a ring those that were written longest ago.
func (c *Cells) place(first int32, n int) {
	c.batch = c.batch[:0]
	c.stamp++
	for p := first; p < first+int32(n); p++ {
		c.give(p)
	}
}

// give adds a position to the batch.
func (c *Cells) give(p int32) {
	cell := int(p)
	if cell >= c.fixed {
		if c.next == len(c.pos) {
			c.next = c.fixed // only a ring gets here: Cache.Place has checked the size
		}
		cell = c.next
		c.next++
	}
	c.pos[cell] = p
	c.row = c.row && cell == c.used && (cell == 0 || p == c.pos[cell-1]+1)
	c.batch = append(c.batch, int32(cell))
	c.used = max(c.used, cell+1)
}

// count is the number of positions lo..hi-1 that are held.
func (c *Cells) count(lo, hi int32) int {
	n := 0
	for _, p := range c.Pos() {
		if p >= lo && p < hi {
			n++
		}
	}
	return n
}

// held is the number of positions in the ring behind the fixed cells. They are the ones before next.
func (c *Cells) held() int {
	n := 0
	for _, p := range c.pos[c.fixed:] {
		if p >= 0 {
			n++
		}
	}
	return n
}

// back is the cell n places before next in the ring.
func (c *Cells) back(n int) int {
	size := len(c.pos) - c.fixed
	return c.fixed + (c.next-c.fixed-n+size)%size
}

// truncate drops the positions from n on, which are those written last.
func (c *Cells) truncate(n int32) {
	dropped := 0
	for i, p := range c.Pos() {
		if p >= n {
			c.pos[i] = -1
			if i >= c.fixed {
				dropped++
			}
		}
	}
	c.batch = c.batch[:0]
	c.stamp++
	if c.order == list {
		c.next -= dropped
		c.used = c.next // what is left is in order if all was
		return
	}
	if dropped > 0 {
		c.next = c.back(dropped)
	}
	c.inspect()
}
