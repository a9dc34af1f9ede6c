package kv

import "fmt"

// Cells says which position each cell of some rows holds and for which sequences.
type Cells struct {
	pos  []int32 // [capacity], -1 for an empty cell
	sets []Set   // [capacity] sequences that hold the row; nil where the cache has one
	used int     // cells 0..used-1 have been written
	rows int     // cells that are not empty
	// by sequence: the cell after that of its last row, where it goes on; -1 for anywhere
	next []int
	// by sequence: rows before this position may be written over; nil where all are kept
	oldest []int32
	batch  []int32 // cells given last, by token
	stamp  int     // counts the changes of pos and sets
	pages  []int   // [pages] marks when a page changed last; nil where the cache has one sequence
	marks  int     // counts the changes of single cells
	common int32   // rows at positions from here on are of one sequence each
	row    bool    // every cell in use holds the position of cell 0 plus its number

	closes   bool // up when rows are dropped, so that positions stay in order
	straight bool // row at all times
}

// Page is how many cells a sequence takes together while there are so many; it divides attention's
// chunks.
const Page = 64

// order is what cells are given in.
type order int

const (
	list    order = iota // positions in order, as long as there is one sequence
	sliding              // rows that no sequence needs are written over
	ends                 // of exact rows, which leave
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

// Pos is the position of every cell that has been written, -1 where it was dropped since.
func (c *Cells) Pos() []int32 { return c.pos[:c.used] }

// Sets is the sequences that hold each of those rows, nil in a cache of one sequence.
func (c *Cells) Sets() []Set {
	if c.sets == nil {
		return nil
	}
	return c.sets[:c.used]
}

// Stamp changes whenever Pos or Sets does.
func (c *Cells) Stamp() int { return c.stamp }

// Marks counts the changes of single cells, in a cache of several sequences.
func (c *Cells) Marks() int { return c.marks }

// Changed says whether a cell of page i, which is cells Page*i and up, has changed since Marks was
// that.
func (c *Cells) Changed(i, since int) bool { return c.pages[i] > since }

// mark notes that a cell changes.
func (c *Cells) mark(cell int) {
	if c.pages != nil {
		c.marks++
		c.pages[cell/Page] = c.marks
	}
}

// Ordered says that every cell c in use holds position first + c. Lists do at all times; a ring
// that came into order again after it was cut may not know.
func (c *Cells) Ordered() (first int32, ok bool) {
	if c.used == 0 {
		return 0, true
	}
	return c.pos[0], c.row
}

// Straight says whether the cells are in order at all times.
func (c *Cells) Straight() bool { return c.straight }

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

// has says whether a cell holds a row of a sequence.
func (c *Cells) has(cell, seq int) bool {
	return c.pos[cell] >= 0 && (c.sets == nil || c.sets[cell].Has(seq))
}

// alone says whether only that sequence holds the row of a cell.
func (c *Cells) alone(cell, seq int) bool { return c.sets == nil || c.sets[cell] == Of(seq) }

// open says whether a cell is empty or its row may be written over.
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

// passed says whether a sliding window has moved past a position in all sequences of a set.
func (c *Cells) passed(p int32, set Set) bool {
	for seq, oldest := range c.oldest {
		if set.Has(seq) && p >= oldest {
			return false
		}
	}
	return true
}

// room is the number of cells that are open, counted no further than n.
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

// choose is the cell for the next row of a sequence: the one after its last, so that a sequence
// alone fills the cells in order and goes round in a ring where rows may be written over. Among
// others it goes on in a page that is all open. That there is an open cell was checked, or follows
// from the capacity.
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

// openPage says whether the page from a cell on, which may be cut short by the capacity, is all
// open.
func (c *Cells) openPage(first int) bool {
	for cell := first; cell < min(first+Page, len(c.pos)); cell++ {
		if !c.open(cell) {
			return false
		}
	}
	return first < len(c.pos)
}

// drop takes a sequence out of a cell's set and says whether the cell is empty now.
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

// settle follows changes of a sequence: it goes on after its last row.
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

// count is the number of positions lo..hi-1 of a sequence that are held.
func (c *Cells) count(seq int, lo, hi int32) int {
	n := 0
	for cell := range c.used {
		if p := c.pos[cell]; p >= lo && p < hi && c.has(cell, seq) {
			n++
		}
	}
	return n
}
