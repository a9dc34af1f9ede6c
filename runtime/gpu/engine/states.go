package engine

import (
	"github.com/kvgen/kvgen/runtime/gpu"
)

// addStates allocates what recurrent layers keep of the sequences, [sequences][values].
func (c *cache) addStates() error {
	all, stage := c.e.w.program.States, c.e.span.States
	c.states = make([]*gpu.Buffer, len(all))
	for i := stage.Lo; i < stage.Hi; i++ {
		m, err := c.e.b.Alloc(uint64(4 * all[i].Values * c.host.Sequences))
		if err != nil {
			return err
		}
		c.owned = append(c.owned, m)
		c.states[i] = m
	}
	return nil
}

// state is the part of state number i that is of a sequence.
func (c *cache) state(i, seq int) *gpu.Buffer {
	n := uint64(4 * c.e.w.program.States[i].Values)
	return c.states[i].Slice(n*uint64(seq), n)
}

// forget clears the states of sequences that the batch begins. A sequence can be emptied in several
// ways, and none of them has to tell the device.
func (c *cache) forget() error {
	for _, r := range c.runs {
		if c.host.LenSeq(r.Seq) > r.N {
			continue
		}
		for i := c.e.span.States.Lo; i < c.e.span.States.Hi; i++ {
			if err := c.state(i, r.Seq).Clear(); err != nil {
				return err
			}
		}
	}
	return nil
}

// CopySeq copies the states of a sequence.
func (c *cache) CopySeq(from, to int) error {
	for i := c.e.span.States.Lo; i < c.e.span.States.Hi; i++ {
		if err := c.state(i, to).CopyFrom(c.state(i, from)); err != nil {
			return err
		}
	}
	return nil
}

// pullStates brings the states to the processor. Those of an empty sequence are zeros there,
// whatever is left of others here.
func (c *cache) pullStates() error {
	return c.eachState(func(i, seq int) error { return gpu.Read(c.state(i, seq), 0, c.host.StateSeq(i, seq)) })
}

// pushStates takes them back.
func (c *cache) pushStates() error {
	return c.eachState(func(i, seq int) error { return gpu.Write(c.state(i, seq), 0, c.host.StateSeq(i, seq)) })
}

// eachState calls f for the states of sequences that have any.
func (c *cache) eachState(f func(i, seq int) error) error {
	for i := c.e.span.States.Lo; i < c.e.span.States.Hi; i++ {
		for seq := range c.host.Sequences {
			if c.host.LenSeq(seq) == 0 {
				continue
			}
			if err := f(i, seq); err != nil {
				return err
			}
		}
	}
	return nil
}
