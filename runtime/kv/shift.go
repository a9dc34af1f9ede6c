package kv

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels"
)

// Turn changes the position that a key of a KV layer was encoded for by delta, as RoPE does: x is one head of KeyDim values.
type Turn func(layer int, x []float32, delta int)

// Shift drops the positions keep..keep+discard-1 and moves those after them down by discard. Values only change their
// cells. Keys are decoded, brought back to what the model computed (inverse of the type's transform, of the rotation,
// padding dropped), turned and stored again, so that each shift costs one more rounding of the type.
//
// A sliding window keeps what it has: positions that it had already let go are not brought back.
func (c *Cache) Shift(keep, discard int, turn Turn) error {
	if keep < 0 || discard < 1 || keep+discard > int(c.end) {
		return fmt.Errorf("cannot drop positions %d to %d of %d", keep, keep+discard-1, c.end)
	}
	var ws shiftSpace
	for i, l := range c.layers {
		cells := l.K.Cells
		to := 0 // next cell of a full layer
		for from, p := range cells.Pos() {
			moved := int(p) >= keep+discard
			kept := moved || int(p) >= 0 && int(p) < keep
			cell := from
			if cells.Window == 0 && kept {
				cell = to
				to++
			}
			for h := range l.K.Heads {
				if moved {
					ws.turn(l.K, h, from, cell, func(x []float32) { turn(i, x, -discard) })
				}
				if moved && from != cell {
					copy(l.V.row(h, cell), l.V.row(h, from))
				}
			}
		}
	}
	for _, g := range c.groups {
		g.shift(int32(keep), int32(discard))
	}
	c.end -= int32(discard)
	return nil
}

// shift is what Shift does to the positions.
func (c *Cells) shift(keep, discard int32) {
	to := 0
	for from, p := range c.Pos() {
		switch {
		case p >= keep+discard:
			p -= discard
		case p >= keep:
			p = -1
		}
		if c.Window > 0 {
			c.pos[from] = p
		} else if p >= 0 {
			c.pos[to] = p
			to++
		}
	}
	if c.Window == 0 {
		for i := to; i < c.used; i++ {
			c.pos[i] = -1
		}
		c.used, c.next = to, to
	}
	c.batch = c.batch[:0]
	c.stamp++
}

// shiftSpace is scratch for one row.
type shiftSpace struct {
	ws   kernels.Workspace
	x, y []float32
}

// turn reads a key, changes it and stores it in another cell.
func (s *shiftSpace) turn(k *Side, h, from, to int, change func([]float32)) {
	if cap(s.x) < k.Stored {
		s.x, s.y = make([]float32, k.Stored), make([]float32, k.Stored)
	}
	x, y := s.x[:k.Dim], s.y[:k.Stored]
	k.Read(&s.ws, x, h, from)
	change(x)
	k.lay(y, x)
	k.Impl.Encode(k.row(h, to), y)
}
