package kv

import "fmt"

// Cells holds, for each cell, its position and the sequences that hold its row.
type Cells struct {
	pos  []int32 // [capacity], -1 for an empty cell
	sets []Set   // [capacity] sequences that hold the row; nil where the cache has one
	used int     // cells 0..used-1 have been written
	rows int     // cells that are not empty
	// by sequence: the cell after its last row, where it continues; -1 for anywhere
	next []int
	// by sequence: rows before this position may be overwritten; nil where all are kept
	oldest []int32
	batch  []int32 // the cell of each token of the last batch
	stamp  int     // counts the changes of pos and sets
	pages  []int   // [pages] value of marks at the last change; nil for one sequence
	marks  int     // counts the changes of single cells
	common int32   // rows from this position on are held by one sequence each
	row    bool    // every cell i in use holds position pos[0]+i

	closes   bool // dropping rows moves the others down, so that positions stay in order
	straight bool // row holds at all times
}

// Page is the unit in which a sequence takes cells, while whole pages are open. It divides the
// chunks of attention.
const Page = 64

// order says in which order cells are given out.
type order int

const (
	list    order = iota // in order of position, while there is one sequence
	sliding              // rows outside of every window are overwritten
	ends                 // exact rows, which are evicted
)

// newCells makes cells for at most batch positions at a time.
func newCells(capacity, batch, sequences int, o order) *Cells {
	c := &Cells{closes: o == list && sequences == 1, pos: make([]int32, capacity), next: make([]int, sequences), batch: make([]int32, 0, batch)}
	if sequences > 1 {
		c.sets, c.pages = make([]Set, capacity), make([]int, (capacity+Page-1)/Page)
	}
	if o == sliding {
		c.oldest = make([]int32, sequences)
	}
	c.clear()
	return c
}

// Pos is the position of every cell in use, -1 for a cell whose row was dropped.
func (c *Cells) Pos() []int32 { return c.pos[:c.used] }

// Sets is the set of sequences of every cell in use. It is nil in a cache of one sequence.
func (c *Cells) Sets() []Set {
	if c.sets == nil {
		return nil
	}
	return c.sets[:c.used]
}

// Stamp changes whenever Pos or Sets changes.
func (c *Cells) Stamp() int { return c.stamp }

// Marks counts the changes of single cells, in a cache of several sequences.
func (c *Cells) Marks() int { return c.marks }

// Changed reports whether a cell of page i, cells Page*i to Page*i+Page-1, has changed after Marks
// returned since.
func (c *Cells) Changed(i, since int) bool { return c.pages[i] > since }

// mark records a change of a cell.
func (c *Cells) mark(cell int) {
	if c.pages != nil {
		c.marks++
		c.pages[cell/Page] = c.marks
	}
}

// Ordered reports whether every cell c in use holds position first + c. Lists always do. A ring
// that was cut and came into order again may report false.
func (c *Cells) Ordered() (first int32, ok bool) {
	if c.used == 0 {
		return 0, true
	}
	return c.pos[0], c.row
}

// Straight reports whether Ordered holds at all times.
func (c *Cells) Straight() bool { return c.straight }

// Capacity is the number of cells.
func (c *Cells) Capacity() int { return len(c.pos) }

// inspect finds out again whether positions are in order.
func (c *Cells) inspect() {
	c.row = true
	for i, p := range c.Pos() {
		c.row = c.row && p >= 0 && p == c.pos[0]+int32(i)
	}
}

// Batch is the cell of each token of the last batch.
func (c *Cells) Batch() []int32 { return c.batch }

func (c *Cells) clear() {
	for i := range c.pos {
		c.pos[i] = -1
	}
	clear(c.sets)
	clear(c.oldest)
	for i := range c.pages {
		c.mark(i * Page)
	}
	for s := range c.next {
		c.next[s] = -1
	}
	c.used, c.rows, c.common, c.row = 0, 0, 0, true
	c.begin()
}

// begin starts a batch.
func (c *Cells) begin() {
	c.batch = c.batch[:0]
	c.stamp++
}

// has reports whether a cell holds a row of a sequence.
func (c *Cells) has(cell, seq int) bool {
	return c.pos[cell] >= 0 && (c.sets == nil || c.sets[cell].Has(seq))
}

// alone reports whether no other sequence holds the row of a cell.
func (c *Cells) alone(cell, seq int) bool { return c.sets == nil || c.sets[cell] == Of(seq) }

// open reports whether a cell is empty or its row may be overwritten.
func (c *Cells) open(cell int) bool {
	switch {
	case c.pos[cell] < 0:
		return true
	case c.oldest == nil:
		return false
	case c.sets == nil:
		return c.passed(c.pos[cell], Of(0))
	}
	return c.passed(c.pos[cell], c.sets[cell])
}

// passed reports whether the sliding window has moved past position p in all sequences of a set.
func (c *Cells) passed(p int32, set Set) bool {
	for seq, oldest := range c.oldest {
		if set.Has(seq) && p >= oldest {
			return false
		}
	}
	return true
}

// room counts open cells, up to n.
func (c *Cells) room(n int) int {
	if c.oldest == nil {
		return min(n, len(c.pos)-c.rows)
	}
	open := 0
	for cell := 0; cell < len(c.pos) && open < n; cell++ {
		if c.open(cell) {
			open++
		}
	}
	return open
}

// give takes an open cell for a token and adds it to the batch.
func (c *Cells) give(t token) int {
	cell := c.choose(t.seq)
	c.mark(cell)
	if c.pos[cell] < 0 {
		c.rows++
	}
	c.pos[cell] = t.pos
	if c.sets != nil {
		c.sets[cell] = Of(t.seq)
	}
	c.next[t.seq] = cell + 1
	c.row = c.row && cell == c.used && (cell == 0 || t.pos == c.pos[cell-1]+1)
	c.used = max(c.used, cell+1)
	c.batch = append(c.batch, int32(cell))
	return cell
}

// choose finds the cell for the next row of a sequence: the one after its last. So a sequence alone
// fills cells in order, and goes round in a ring where rows may be overwritten. Beside others it
// continues in a page that is all open. There is an open cell: that was checked, or follows from
// the capacity.
func (c *Cells) choose(seq int) int {
	at := c.next[seq]
	if c.sets != nil && (at < 0 || at%Page == 0 || at == len(c.pos) || !c.open(at)) {
		if at >= 0 && at%Page == 0 && c.openPage(at) {
			return at
		}
		for first := 0; first < len(c.pos); first += Page {
			if c.openPage(first) {
				return first
			}
		}
	}
	at = max(at, 0)
	for range c.pos {
		if at == len(c.pos) {
			at = 0
		}
		if c.open(at) {
			return at
		}
		at++
	}
	panic(fmt.Sprintf("kv: all %d cells are taken", len(c.pos)))
}

// openPage reports whether all cells of the page that begins at first are open. The capacity may
// cut the page short.
func (c *Cells) openPage(first int) bool {
	for cell := first; cell < min(first+Page, len(c.pos)); cell++ {
		if !c.open(cell) {
			return false
		}
	}
	return first < len(c.pos)
}

// drop takes a sequence out of a cell's set and reports whether the cell is empty now.
func (c *Cells) drop(cell, seq int) bool {
	c.mark(cell)
	if c.sets != nil {
		if c.sets[cell] &^= Of(seq); c.sets[cell] != 0 {
			return false
		}
	}
	c.pos[cell], c.row = -1, false
	c.rows--
	return true
}

// settle brings a sequence's next cell up to date after rows were dropped, added or moved.
func (c *Cells) settle(seq int) {
	last := -1
	for cell := range c.used {
		if c.has(cell, seq) && (last < 0 || c.pos[cell] > c.pos[last]) {
			last = cell
		}
	}
	if c.next[seq] = last + 1; last < 0 {
		c.next[seq] = -1
	}
	for c.used > 0 && c.pos[c.used-1] < 0 {
		c.used--
	}
	c.inspect()
	c.begin()
}

// count counts the positions lo..hi-1 that a sequence holds.
func (c *Cells) count(seq int, lo, hi int32) int {
	n := 0
	for cell := range c.used {
		if p := c.pos[cell]; p >= lo && p < hi && c.has(cell, seq) {
			n++
		}
	}
	return n
}
