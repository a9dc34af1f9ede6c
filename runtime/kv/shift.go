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
	if keep+discard == int(c.end) {
		if err := c.canForget(keep); err != nil {
			return err
		}
		if keep == 0 {
			c.clearStates()
		}
	}
	var ws shiftSpace
	for i := range c.layers {
		for _, l := range c.layers[i].segments {
			l.K.Cells.Shifted(int32(keep), int32(discard), func(from, to int, moved bool) {
				if !moved {
					return
				}
				for h := range l.K.Heads {
					ws.turn(l.K, h, from, to, func(x []float32) { turn(i, x, -discard) })
					if from != to {
						copy(l.V.row(h, to), l.V.row(h, from))
					}
				}
			})
		}
	}
	for _, g := range c.groups {
		for _, x := range g.cells() {
			x.shift(int32(keep), int32(discard))
		}
		g.at -= int32(discard)
		g.end -= int32(discard)
	}
	c.end -= int32(discard)
	return nil
}

// Shifted visits every cell with what becomes of it when the positions keep..keep+discard-1 are dropped: the cell to
// which its row goes, -1 for none, and whether its position moves. Lists and exact rows close up, a sliding window stays
// where it is. No row goes to a cell whose own row is visited later.
func (c *Cells) Shifted(keep, discard int32, visit func(from, to int, moved bool)) {
	one := func(from, to int) (left bool) {
		p := c.pos[from]
		moved := p >= keep+discard
		if left = moved || p >= 0 && p < keep; !left {
			to = -1
		}
		visit(from, to, moved)
		return left
	}
	for from := range min(c.fixed, c.used) {
		if p := c.pos[from]; p >= keep+discard {
			one(from, from-int(discard))
		} else {
			one(from, from)
		}
	}
	n, first, size := max(0, c.used-c.fixed), 0, len(c.pos)-c.fixed
	if n > 0 && c.order == ends {
		n = c.held()
		first = c.back(n) - c.fixed
	}
	for i, left := 0, 0; i < n; i++ {
		from, to := c.fixed+(first+i)%size, c.fixed+(first+left)%size
		if c.order == sliding {
			to = from
		}
		if one(from, to) {
			left++
		}
	}
}

// shift is what Shift does to the positions.
func (c *Cells) shift(keep, discard int32) {
	dropped := 0
	c.Shifted(keep, discard, func(from, to int, moved bool) {
		p := c.pos[from]
		c.pos[from] = -1
		if to < 0 {
			if p >= 0 && from >= c.fixed {
				dropped++
			}
			return
		}
		if moved {
			p -= discard
		}
		c.pos[to] = p
	})
	switch c.order {
	case list:
		c.next -= dropped
		c.used = c.next
	case ends:
		if dropped > 0 {
			c.next = c.back(dropped)
		}
	}
	c.batch = c.batch[:0]
	c.stamp++
	c.inspect()
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
