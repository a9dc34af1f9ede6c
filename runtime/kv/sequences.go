package kv

import "fmt"

// known returns an error unless there is a sequence of that number.
func (c *Cache) known(seq int) error {
	if seq < 0 || seq >= c.Sequences {
		return fmt.Errorf("sequence %d: this cache has %d, numbered from 0", seq, c.Sequences)
	}
	return nil
}

// LenSeq is the number of positions of a sequence, 0 if there is no such sequence.
func (c *Cache) LenSeq(seq int) int {
	if c.known(seq) != nil {
		return 0
	}
	return int(c.ends[seq])
}

// InUse counts the cells with a row. A row that sequences share counts once.
func (c *Cache) InUse() int { return c.Cells - c.room(c.Cells) }

// InUseBy counts the cells with a row that one of some sequences holds. A row that they share
// counts once.
func (c *Cache) InUseBy(set Set) int {
	all, n := c.all.packed, 0
	if all.sets == nil {
		if set.Has(0) {
			n = c.InUse()
		}
		return n
	}
	for cell, s := range all.Sets() {
		if all.pos[cell] >= 0 && s&set != 0 {
			n++
		}
	}
	return n
}

// CopySeq makes sequence to the same as from, whose rows it shares. What it held before is
// forgotten.
func (c *Cache) CopySeq(from, to int) error {
	for _, s := range []int{from, to} {
		if err := c.known(s); err != nil {
			return err
		}
	}
	if from == to {
		return nil
	}
	for _, g := range c.groups {
		if g.pending() > 0 {
			return fmt.Errorf("copying sequence %d: a layer has not stored all of the last batch", from)
		}
	}
	c.RemoveSeq(to)
	for _, g := range c.every {
		g.share(from, to, c.ends[from])
	}
	for _, s := range c.states {
		copy(s.of(to), s.of(from))
	}
	c.ends[to] = c.ends[from]
	return nil
}

// RemoveSeq forgets a sequence. Cells that no other shares are free again.
func (c *Cache) RemoveSeq(seq int) error {
	if err := c.known(seq); err != nil {
		return err
	}
	c.truncate(seq, 0)
	return nil
}

// KeepSeq forgets all sequences but one.
func (c *Cache) KeepSeq(seq int) error {
	if err := c.known(seq); err != nil {
		return err
	}
	for s := range c.Sequences {
		if s != seq && c.ends[s] > 0 {
			c.truncate(s, 0)
		}
	}
	return nil
}

// TruncateSeq forgets the positions of a sequence from n on. It fails, and changes nothing, if a
// sliding window has dropped positions that the query at n would see, or if a layer is recurrent
// and n is neither 0 nor all. Rows that were packed stay packed; Fresh tells how far a cut leaves
// what a shorter run would have.
func (c *Cache) TruncateSeq(seq, n int) error {
	if err := c.CanTruncateSeq(seq, n); err != nil {
		return err
	}
	c.truncate(seq, n)
	return nil
}

// CanTruncateSeq is the error that TruncateSeq would return.
func (c *Cache) CanTruncateSeq(seq, n int) error {
	if err := c.known(seq); err != nil {
		return err
	}
	if n < 0 || n > int(c.ends[seq]) {
		return fmt.Errorf("cannot truncate sequence %d to %d positions: want 0 to %d", seq, n, c.ends[seq])
	}
	if err := c.canForget(seq, n); err != nil {
		return err
	}
	for _, g := range c.groups {
		if err := g.canTruncate(seq, int32(n), c.ends[seq]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cache) truncate(seq, n int) {
	for _, g := range c.every {
		g.truncate(seq, int32(n))
	}
	if n == 0 {
		c.clearState(seq)
	}
	c.ends[seq] = int32(n)
}
