package kv

import (
	"cmp"
	"fmt"
	"slices"
)

// CopyFrom makes sequence to the same as sequence from of another cache of the same plan, by copies
// of its rows. What it held before is forgotten. After an error it is empty.
func (c *Cache) CopyFrom(o *Cache, from, to int) error {
	if err := cmp.Or(o.known(from), c.known(to)); err != nil {
		return err
	}
	if c == o || c.Plan != o.Plan || len(c.states) != len(o.states) {
		return fmt.Errorf("copying sequence %d: want another cache of the same plan and states", from)
	}
	for i := range c.groups {
		if c.groups[i].pending()+o.groups[i].pending() > 0 {
			return fmt.Errorf("copying sequence %d: a layer has not stored all of the last batch", from)
		}
	}
	c.RemoveSeq(to)
	end := o.ends[from]
	if n := int(end); n > c.Size || c.room(n) < n {
		return fmt.Errorf("the cache of %d cells and %d positions has no room for %d more", c.Cells, c.Size, n)
	}
	cells := map[*Cells][]transfer{} // by those of c
	for i, g := range c.every {
		g.receive(o.every[i], from, to, end, cells)
	}
	c.ends[to] = end
	for i, l := range c.layers {
		theirs := o.layers[i].sides()
		for k, s := range l.sides() {
			for h := range s.Heads {
				for _, t := range cells[s.Cells] {
					copy(s.row(h, t.to), theirs[k].row(h, t.from))
				}
			}
		}
	}
	for i, s := range c.states {
		copy(s.of(to), o.states[i].of(from))
	}
	return nil
}

// transfer is a row on its way from a cell to another.
type transfer struct{ from, to int }

// receive gives cells to the rows that a sequence of another group has, in order of position, but
// for those that the sliding window has passed.
func (g *group) receive(o *group, from, to int, end int32, cells map[*Cells][]transfer) {
	theirs := o.cells()
	for k, c := range g.cells() {
		x := theirs[k]
		var rows []int // cells
		for cell := range x.used {
			if x.has(cell, from) && (x.oldest == nil || x.pos[cell] > end-int32(g.window)) {
				rows = append(rows, cell)
			}
		}
		slices.SortFunc(rows, func(a, b int) int { return cmp.Compare(x.pos[a], x.pos[b]) })
		for _, cell := range rows {
			cells[c] = append(cells[c], transfer{cell, c.give(token{x.pos[cell], to})})
		}
	}
	g.settle(to, end)
}
