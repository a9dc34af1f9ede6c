package model

import (
	"fmt"
	"io"

	"github.com/kvgen/kvgen/runtime/cpu/engine"
)

// Fixed says why the positions of the model's keys cannot be moved, so that there is no Shift; nil
// for a model that can.
func (m *Model) Fixed() error {
	if m.program.Positions != nil {
		return fmt.Errorf("a %s model has no RoPE in layer 0 but a vector for each position: its positions cannot be moved", m.Arch)
	}
	return nil
}

// Shift shifts sequence 0, as ShiftSeq does.
func (c *Context) Shift(keep, discard int) error { return c.ShiftSeq(0, keep, discard) }

// ShiftSeq drops the positions keep..keep+discard-1 of a sequence and moves those after them down,
// rotating their keys to their new positions. It is exact but for one more rounding of the keys'
// type, and leaves other sequences as they are.
func (c *Context) ShiftSeq(seq, keep, discard int) error {
	m := c.Model
	if err := m.Fixed(); err != nil {
		return err
	}
	s := engine.NewShift(m.Table, m.program, c.Cache.Size, -int32(discard))
	return c.onHost(true, func() error {
		return c.Cache.ShiftSeq(seq, keep, discard, func(layer int, x []float32, delta int) { s.Rotate(layer, x) })
	})
}

// Long says whether the keys are rotated by frequencies for a longer context than the model was
// first trained for. They cannot be compared with keys of a context that has others.
func (c *Context) Long() bool {
	for _, r := range c.Model.program.Ropes {
		if r.IsLong(c.Cache.Size) {
			return true
		}
	}
	return false
}

// owner is what a saved cache belongs to: the model, and the frequencies that its keys were rotated
// by.
func (c *Context) owner() (string, error) {
	id, err := c.Model.Identity()
	if err != nil {
		return "", err
	}
	if c.Long() {
		return id.Hash() + " long", nil
	}
	return id.Hash(), nil
}

// Save writes the cache.
func (c *Context) Save(w io.Writer) error {
	owner, err := c.owner()
	if err != nil {
		return err
	}
	return c.onHost(false, func() error { return c.Cache.Save(w, owner) })
}

// Restore reads a cache that Save wrote for the same model and plan; any other is refused by name.
// The context is empty after an error.
func (c *Context) Restore(r io.Reader) error {
	owner, err := c.owner()
	if err != nil {
		return err
	}
	c.Clear() // nothing of what was is needed
	return c.onHost(true, func() error { return c.Cache.Restore(r, owner) })
}
