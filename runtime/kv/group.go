package kv

import (
	"fmt"
	"math"
	"slices"

	"github.com/kvgen/kvgen/kernels"
)

// Ends says which rows of a layer stay exact: its first positions for ever, and its last until they
// are evicted in batches.
type Ends struct {
	First, Last int
	Type        *kernels.Type // of exact rows; nil for f16
}

// evictBatch is how many exact rows are evicted together: packing a few at a time costs less than
// one by one.
const evictBatch = 8

// maxEnds bounds what a policy may ask for.
const maxEnds = 1 << 20

// on reports whether any rows stay exact.
func (e Ends) on() bool { return e.First > 0 || e.Last > 0 }

// cells is how many exact rows a sequence of at most size positions has at a time.
func (e Ends) cells(size int) int {
	n := e.First
	if e.Last > 0 {
		n += e.Last + evictBatch
	}
	return min(size, n)
}

// group is the cells that layers share. A layer that keeps exact rows has a group of its own,
// because the layers of a model go through a batch one after another.
type group struct {
	window int
	ends   Ends
	packed *Cells
	exact  *Cells // nil where no rows are exact
	first  int    // positions of a sequence that stay exact for ever
	ring   int    // most exact rows of a sequence beyond those
	held   []int  // exact rows that each sequence has now, the first ones apart

	tokens   []token // of the batch; a layer with exact rows takes them in steps
	done     int     // how many of tokens have cells
	direct   bool    // the last step's rows are packed at once
	evicting []int32 // exact cells to evict, into the cells of packed.Batch
	all      *Cells  // of every row; its sets say which sequences share a row
}

// capacity is how many cells for packed rows a layer needs. Rows of a sequence are evicted only
// while more than Last are exact, unless the context is too small to hold that many.
func (s Shape) capacity(window int, e Ends) int {
	cells := s.Cells
	if s.Sequences == 1 && e.cells(s.Size) < s.Size {
		cells -= e.Last
	}
	if window > 0 {
		return min(cells, s.Sequences*window+max(s.Batch, evictBatch))
	}
	return cells
}

// exact is how many cells for exact rows a layer needs.
func (s Shape) exact(e Ends) int { return min(s.Cells, s.Sequences*e.cells(s.Size)) }

func newGroup(window int, e Ends, s Shape) *group {
	batch := max(s.Batch, evictBatch*s.Sequences)
	packed := list
	if window > 0 {
		packed = sliding
	}
	g := &group{window: window, ends: e, packed: newCells(s.capacity(window, e), batch, s.Sequences, packed)}
	// a shift may move packed rows among the first positions
	g.packed.straight = g.packed.closes && !e.on()
	if e.on() {
		n := e.cells(s.Size)
		g.first = min(e.First, n)
		g.ring = n - g.first
		g.exact = newCells(s.exact(e), batch, s.Sequences, ends)
		g.held = make([]int, s.Sequences)
		g.evicting = make([]int32, 0, evictBatch*s.Sequences)
	}
	return g
}

// cells returns the cells of all segments.
func (g *group) cells() []*Cells {
	if g.exact == nil {
		return []*Cells{g.packed}
	}
	return []*Cells{g.packed, g.exact}
}

// place takes the tokens of a batch. A layer with exact rows gives them cells in steps, by advance.
func (g *group) place(tokens []token) {
	g.tokens, g.done = append(g.tokens[:0], tokens...), 0
	if g.exact == nil {
		g.advance()
	}
}

// advance gives cells to the next tokens of the batch, as many as can be stored before one of them
// attends, and returns their number. Which rows of a sequence are exact then depends on its
// positions before alone: a prompt finds the same rows exact as its tokens one by one.
func (g *group) advance() int {
	for _, c := range g.cells() {
		c.begin()
	}
	g.evicting = g.evicting[:0]
	n := 0
	var begun Set
	for _, t := range g.tokens[g.done:] {
		direct := g.isDirect(t)
		if n > 0 && direct != g.direct || !direct && g.isFull(t) && begun.Has(t.seq) {
			break
		}
		switch g.direct = direct; {
		case direct:
			g.packed.give(t)
		case int(t.pos) < g.first:
			g.exact.give(t)
		default:
			if g.isFull(t) {
				g.evict(t.seq)
			}
			g.exact.give(t)
			g.held[t.seq]++
		}
		begun |= Of(t.seq)
		n++
	}
	g.done += n
	return n
}

// isDirect reports whether a token's row is packed without having been exact.
func (g *group) isDirect(t token) bool {
	return g.exact == nil || g.ring == 0 && int(t.pos) >= g.first
}

// isFull reports whether rows must be evicted before a token's row can be exact.
func (g *group) isFull(t token) bool { return int(t.pos) >= g.first && g.held[t.seq] == g.ring }

// step is how many tokens of runs the next advance would give cells to.
func (g *group) step(runs []Run, ends []int32) int {
	n, room := 0, math.MaxInt
	for _, r := range runs {
		direct := g.isDirect(token{ends[r.Seq], r.Seq})
		if n > 0 && direct != g.isDirect(token{ends[runs[0].Seq], runs[0].Seq}) {
			break
		}
		if room = math.MaxInt; !direct {
			first := max(0, g.first-int(ends[r.Seq]))
			if room = first + g.ring - g.held[r.Seq]; room == 0 {
				room = min(evictBatch, g.ring)
			}
		}
		if n += min(r.N, room); room < r.N {
			break
		}
	}
	return n
}

// evict takes a sequence out of the cells of its oldest exact rows, and gives it packed ones.
func (g *group) evict(seq int) {
	e := g.exact
	var oldest [evictBatch]int // cells in order of position
	n := 0
	for cell := range e.used {
		p := e.pos[cell]
		if int(p) < g.first || !e.has(cell, seq) || n == evictBatch && p > e.pos[oldest[n-1]] {
			continue
		}
		n = min(n+1, evictBatch)
		i := n - 1
		for ; i > 0 && e.pos[oldest[i-1]] > p; i-- {
			oldest[i] = oldest[i-1]
		}
		oldest[i] = cell
	}
	for _, cell := range oldest[:n] {
		if twin := g.twin(e.pos[cell], seq); twin >= 0 {
			g.packed.mark(twin)
			g.packed.sets[twin] |= Of(seq)
		} else {
			g.packed.give(token{e.pos[cell], seq})
			g.evicting = append(g.evicting, int32(cell))
		}
		e.drop(cell, seq)
	}
	g.held[seq] -= n
}

// twin finds the packed cell with the row of a sequence at a position, where a sequence that shares
// the row had it packed before; -1 if there is none. A row that was never shared is not searched
// for, since cells are many.
func (g *group) twin(p int32, seq int) int {
	if p >= g.all.common {
		return -1
	}
	var same Set
	for cell := range g.all.used {
		if g.all.pos[cell] == p && g.all.has(cell, seq) {
			same = g.all.sets[cell]
			break
		}
	}
	if same == Of(seq) {
		return -1
	}
	for cell := range g.packed.used {
		if g.packed.pos[cell] == p && g.packed.sets[cell]&same != 0 {
			return cell
		}
	}
	return -1
}

func (g *group) clear() {
	for _, c := range g.cells() {
		c.clear()
	}
	clear(g.held)
	g.tokens, g.done = g.tokens[:0], 0
}

// pending is how many tokens have no cells yet.
func (g *group) pending() int { return len(g.tokens) - g.done }

// bound sets which rows a sequence no longer needs when its next query is at position at.
func (g *group) bound(seq int, at int32) {
	if g.window > 0 {
		g.packed.oldest[seq] = at - int32(g.window) + 1
	}
}

// canTruncate returns an error if rows are gone that a query at n would see. The sequence has end
// positions.
func (g *group) canTruncate(seq int, n, end int32) error {
	if g.window == 0 {
		return nil
	}
	held := 0
	for _, c := range g.cells() {
		held += c.count(seq, max(0, n-int32(g.window)+1), n)
	}
	if need := min(int(n), g.window-1); held < need {
		return fmt.Errorf("cannot go back from position %d to %d: %d of the %d positions in its sliding window are gone", end, n, need-held, need)
	}
	return nil
}

// truncate drops the positions of a sequence from n on.
func (g *group) truncate(seq int, n int32) {
	for _, c := range g.cells() {
		for cell := range c.used {
			if c.pos[cell] < n || !c.has(cell, seq) {
				continue
			}
			c.drop(cell, seq)
		}
	}
	g.tokens = slices.DeleteFunc(g.tokens[g.done:], func(t token) bool { return t.seq == seq && t.pos >= n })
	g.done = 0
	g.settle(seq, n)
}

// settle brings counts up to date after a sequence changed; it now has end positions.
func (g *group) settle(seq int, end int32) {
	for _, c := range g.cells() {
		c.settle(seq)
	}
	if g.exact != nil {
		g.held[seq] = g.exact.count(seq, int32(g.first), math.MaxInt32)
	}
	g.bound(seq, end)
}

// share adds a sequence to the cells of another.
func (g *group) share(from, to int, end int32) {
	for _, c := range g.cells() {
		for cell := range c.used {
			if c.has(cell, from) {
				c.mark(cell)
				c.sets[cell] |= Of(to)
			}
		}
		c.next[to], c.common = c.next[from], max(c.common, end)
	}
	g.settle(to, end)
}
