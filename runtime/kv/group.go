package kv

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/kernels"
)

// Ends says which rows of a layer stay exact: its first positions for ever, its last until they leave in batches.
type Ends struct {
	First, Last int
	Type        *kernels.Type // that exact rows are stored in; nil for f16
}

// leave is the number of rows that leave the exact ones together: packing a few at a time costs less than one by one.
const leave = 8

// maxEnds bounds what a policy may ask for.
const maxEnds = 1 << 20

// on says whether there are any.
func (e Ends) on() bool { return e.First > 0 || e.Last > 0 }

// cells is the number of exact rows of a cache of size positions.
func (e Ends) cells(size int) int {
	n := e.First
	if e.Last > 0 {
		n += e.Last + leave
	}
	return min(size, n)
}

// group is layers whose rows lie in the same cells. A layer that keeps exact rows has a group of its own, because the
// layers of a model go through a batch one after another.
type group struct {
	window int
	ends   Ends
	packed *Cells
	exact  *Cells  // nil where no rows are exact
	at     int32   // next position to be given a cell
	end    int32   // of the cache; a layer with exact rows comes to it in steps
	direct bool    // the rows given cells last are packed at once
	moving []int32 // exact cells whose rows are to be packed, into the batch of packed
}

// capacity is the number of cells for packed rows that a layer needs. Rows leave the exact ones only while there are
// more than Last, unless the context is so small that they are not even that many.
func capacity(window int, e Ends, size, batch int) int {
	if e.cells(size) < size {
		size -= e.Last
	}
	if window > 0 {
		return min(size, window+batch)
	}
	return size
}

func newGroup(window int, e Ends, size, batch int) *group {
	packed := list
	if window > 0 {
		packed = sliding
	}
	batch = max(batch, leave)
	g := &group{window: window, ends: e, packed: newCells(capacity(window, e, size, batch), batch, 0, packed)}
	if e.on() {
		n := e.cells(size)
		g.exact = newCells(n, batch, min(e.First, n), ends)
		g.moving = make([]int32, 0, leave)
	}
	return g
}

// cells are those of all segments.
func (g *group) cells() []*Cells {
	if g.exact == nil {
		return []*Cells{g.packed}
	}
	return []*Cells{g.packed, g.exact}
}

// advance gives cells to the next positions up to end, as many as can be stored before one of them sees the others, and
// returns their number. Which rows are exact then depends on the positions before alone, so that the tokens of a prompt
// and the same tokens one by one find the same.
func (g *group) advance() int {
	e, n := g.exact, int(g.end-g.at)
	g.moving, g.direct = g.moving[:0], false
	ring, first := 0, 0
	if e != nil {
		ring, first = len(e.pos)-e.fixed, max(0, e.fixed-int(g.at))
	}
	if g.direct = ring == 0 && first == 0; g.direct {
		g.packed.place(g.at, n)
		g.at = g.end
		return n
	}
	if first == 0 && e.held() == ring {
		g.leave()
	}
	n = min(n, first+ring-e.held())
	e.place(g.at, n)
	g.at += int32(n)
	return n
}

// step is the number of positions that the next advance can give cells to, all where the group keeps nothing exact.
func (g *group) step() int {
	if g.exact == nil {
		return math.MaxInt
	}
	ring, first := len(g.exact.pos)-g.exact.fixed, max(0, g.exact.fixed-int(g.at))
	room := first + ring - g.exact.held()
	switch {
	case ring == 0 && first == 0:
		return math.MaxInt
	case room == 0:
		return min(leave, ring)
	}
	return room
}

// leave gives the oldest rows of the ring cells among the packed ones.
func (g *group) leave() {
	e := g.exact
	held := e.held()
	g.packed.place(0, 0) // an empty batch
	for i := range min(leave, held) {
		cell := e.back(held - i)
		g.packed.give(e.pos[cell])
		e.pos[cell], e.row = -1, false
		g.moving = append(g.moving, int32(cell))
	}
}

func (g *group) clear() {
	for _, c := range g.cells() {
		c.clear()
	}
	g.at, g.end = 0, 0
}

// canTruncate says whether the cells still hold all that a query at position n sees.
func (g *group) canTruncate(n int32) error {
	if g.window == 0 {
		return nil
	}
	held := 0
	for _, c := range g.cells() {
		held += c.count(max(0, n-int32(g.window)+1), n)
	}
	if need := min(int(n), g.window-1); held < need {
		return fmt.Errorf("cannot go back from position %d to %d: %d of the %d positions in its sliding window are gone",
			g.end, n, need-held, need)
	}
	return nil
}

func (g *group) truncate(n int32) {
	for _, c := range g.cells() {
		c.truncate(n)
	}
	g.at, g.end = min(g.at, n), n
}
