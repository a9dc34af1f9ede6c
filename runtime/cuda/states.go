package cuda

// addStates allocates what recurrent layers keep of the sequence.
func (c *cache) addStates() error {
	for _, n := range c.e.w.program.States {
		m, err := c.e.b.Alloc(uint64(4 * n))
		if err != nil {
			return err
		}
		c.owned = append(c.owned, m)
		c.states = append(c.states, m)
	}
	return nil
}

// forget clears the states. The first batch of a sequence begins with it: a cache can be emptied in several ways, and none of them has
// to tell the device.
func (c *cache) forget() error {
	for _, m := range c.states {
		if err := m.clear(); err != nil {
			return err
		}
	}
	return nil
}

// pullStates brings the states to the processor. Those of an empty cache are zeros there, whatever is left of others here.
func (c *cache) pullStates() error {
	for i, m := range c.states {
		if c.host.Len() == 0 {
			break
		}
		if err := Read(m, 0, c.host.State(i)); err != nil {
			return err
		}
	}
	return nil
}

// pushStates takes them back.
func (c *cache) pushStates() error {
	for i, m := range c.states {
		if err := Write(m, 0, c.host.State(i)); err != nil {
			return err
		}
	}
	return nil
}
