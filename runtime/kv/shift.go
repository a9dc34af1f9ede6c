package kv

import (
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/kernels"
)

// RopeShift rotates a key of a KV layer by RoPE from the position it was encoded for to the one
// delta later: x is one head of KeyDim values, changed in place.
type RopeShift func(layer int, x []float32, delta int)

// Shift shifts sequence 0, as ShiftSeq does.
func (c *Cache) Shift(keep, discard int, rope RopeShift) error {
	return c.ShiftSeq(0, keep, discard, rope)
}

// ShiftSeq drops the positions keep..keep+discard-1 of a sequence and moves those after them down
// by discard. Values only change their cells. Keys are decoded, brought back to what the model
// computed (the type's transform and the rotation undone, padding dropped), rotated by rope and
// stored again: each shift costs one more rounding of the type. Rows that other sequences share
// stay theirs and the sequence gets copies. If there are no cells for the copies it fails and
// changes nothing.
//
// A sliding window keeps what it has: positions that it had already let go are not brought back.
// With several sequences, where it is chance whether they are still there, all before the window
// are let go.
func (c *Cache) ShiftSeq(seq, keep, discard int, rope RopeShift) error {
	if err := c.known(seq); err != nil {
		return err
	}
	end := int(c.ends[seq])
	if keep < 0 || discard < 1 || keep+discard > end {
		return fmt.Errorf("cannot drop positions %d to %d of %d: want at least one, and none beyond the end", keep, keep+discard-1, end)
	}
	if keep+discard == end {
		if err := c.canForget(seq, keep); err != nil {
			return err
		}
	}
	s := shift{seq: seq, first: int32(keep), past: int32(keep + discard), by: int32(discard)}
	if copies, room := s.copies(c.all.packed), c.room(c.Cells); copies > room+s.freed(c.all.packed) {
		return fmt.Errorf("shifting sequence %d copies %d rows that others share, and %d cells are free", seq, copies, room)
	}
	if keep == 0 && discard == end {
		c.clearState(seq)
	}
	c.bounds()
	c.ends[seq] -= int32(discard)
	var ws shiftSpace
	var errs []error
	for _, g := range c.every {
		moves := g.shift(s, c.ends[seq])
		for i := range c.layers {
			if c.layers[i].group != g {
				continue
			}
			for k, l := range c.layers[i].segments {
				for _, m := range moves[k] {
					for h := range l.K.Heads {
						ws.ropeKey(l.K, h, m.from, m.to, func(x []float32) { rope(i, x, -discard) })
						if m.from != m.to {
							copy(l.V.row(h, m.to), l.V.row(h, m.from))
						}
					}
				}
			}
			if err := c.layers[i].Err(); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// shift describes a shift of a sequence: positions first..past-1 are dropped, those from past on
// move down by as many.
type shift struct {
	seq             int
	first, past, by int32
}

// copies counts the rows that move and are shared, which must be copied.
func (s shift) copies(c *Cells) int {
	n := 0
	for cell := range c.used {
		if c.pos[cell] >= s.past && c.has(cell, s.seq) && !c.alone(cell, s.seq) {
			n++
		}
	}
	return n
}

// freed counts the rows that are dropped and not shared.
func (s shift) freed(c *Cells) int {
	n := 0
	for cell := range c.used {
		if p := c.pos[cell]; p >= s.first && p < s.past && c.has(cell, s.seq) && c.alone(cell, s.seq) {
			n++
		}
	}
	return n
}

// move is a row whose key is rotated; it goes to another cell, or stays.
type move struct{ from, to int }

// shift changes the positions and returns, for each segment, the rows that move, in an order in
// which no row is overwritten before it is read. end is the sequence's number of positions
// afterwards.
func (g *group) shift(s shift, end int32) (moves [2][]move) {
	g.tokens, g.done = g.tokens[:0], 0
	for k, c := range g.cells() {
		var shared []int
		dropped := 0
		for cell := range c.used {
			p := c.pos[cell]
			stale := c.oldest != nil && c.sets != nil && p < c.oldest[s.seq]
			switch {
			case !c.has(cell, s.seq) || p < s.first && !stale:
			case p < s.past || stale:
				c.drop(cell, s.seq)
				dropped++
			case c.alone(cell, s.seq):
				to := cell
				if c.closes {
					to -= dropped
					c.pos[cell] = -1
				}
				c.mark(cell) // with several sequences the row stays in its cell
				c.pos[to] = p - s.by
				moves[k] = append(moves[k], move{cell, to})
			default:
				shared = append(shared, cell)
			}
		}
		if c == g.packed {
			g.bound(s.seq, end)
		}
		c.begin()
		for _, cell := range shared {
			c.drop(cell, s.seq)
			moves[k] = append(moves[k], move{cell, c.give(token{c.pos[cell] - s.by, s.seq})})
		}
	}
	g.settle(s.seq, end)
	return moves
}

// shiftSpace is scratch for one row.
type shiftSpace struct {
	ws   kernels.Workspace
	x, y []float32
}

// ropeKey reads a key, changes it and stores it in another cell.
func (s *shiftSpace) ropeKey(k *Side, h, from, to int, change func([]float32)) {
	if cap(s.x) < k.Stored {
		s.x, s.y = make([]float32, k.Stored), make([]float32, k.Stored)
	}
	x, y := s.x[:k.Dim], s.y[:k.Stored]
	k.Read(&s.ws, x, h, from)
	change(x)
	k.rotateAndPad(y, x)
	k.Impl.Encode(k.row(h, to), y)
	k.prove(y, k.row(h, to), h, to)
}
