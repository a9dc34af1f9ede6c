package cuda

// workspace is memory that every operation of a device may use from its first launch to its last, and leaves nothing in: the stream
// orders them.
type workspace struct {
	memory  *Memory
	version int // counts the pieces that it was
	uses    int
}

// Reserve makes the workspace at least so large, so that nothing is allocated later. Graphs that used a smaller one must be recorded
// again; Graph.Launch tells.
func (d *Device) Reserve(bytes uint64) error {
	s := &d.space
	if s.memory != nil && s.memory.Size >= bytes {
		return nil
	}
	if s.memory != nil {
		if err := d.Sync(); err != nil {
			return err
		}
		if err := s.memory.Free(); err != nil {
			return err
		}
		s.memory = nil
	}
	s.version++ // graphs that used the one before are of no use any more, also if there is no other
	d.grown++
	m, err := d.Alloc(bytes)
	if err != nil {
		return err
	}
	s.memory = m
	return nil
}

// scratch is the workspace, at least so large.
func (d *Device) scratch(bytes uint64) (*Memory, error) {
	if err := d.Reserve(bytes); err != nil {
		return nil, err
	}
	d.space.uses++
	return d.space.memory, nil
}
