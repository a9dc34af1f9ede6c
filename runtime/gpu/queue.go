package gpu

import "fmt"

// Queue is a device with what those who launch on it share: everything runs in the order in which
// it was asked for, so that one workspace serves all.
type Queue struct {
	Device Device

	workspace *Buffer
	version   int // counts the pieces that the workspace was
	uses      int
	grown     int // pieces that were allocated anew, to which recordings made before may point
}

// NewQueue is the queue of a device. A device has one.
func NewQueue(d Device) *Queue { return &Queue{Device: d} }

// Limits is what the GPU is.
func (q *Queue) Limits() Limits { return q.Device.Limits() }

// Sync waits until everything that was launched is done.
func (q *Queue) Sync() error { return q.Device.Sync() }

// Build compiles a program.
func (q *Queue) Build(s *Source) (Module, error) { return q.Device.Build(s) }

// Program compiles what source puts together in the device's dialect.
func (q *Queue) Program(source func(*Dialect) (*Source, error)) (Module, error) {
	s, err := source(q.Device.Dialect())
	if err != nil {
		return nil, err
	}
	return q.Device.Build(s)
}

// Kernel compiles a program and finds its kernel of that name.
func (q *Queue) Kernel(name string, source func(*Dialect) (*Source, error)) (Kernel, error) {
	m, err := q.Program(source)
	if err != nil {
		return nil, err
	}
	return m.Kernel(name, 0)
}

// Frame finds a kernel of a frame that knows no type. All such frames wait by themselves.
func (q *Queue) Frame(name, frame string, defines ...Define) (Kernel, error) {
	k, err := q.Kernel(name, func(d *Dialect) (*Source, error) { return FrameSource(d, frame, defines...) })
	if err != nil {
		return nil, err
	}
	return k.Overlap(), nil
}

// Alloc allocates so many bytes, zeroed.
func (q *Queue) Alloc(bytes uint64) (*Buffer, error) {
	at, err := q.Device.Alloc(bytes)
	if err != nil {
		return nil, err
	}
	return &Buffer{device: q.Device, at: at, Size: bytes}, nil
}

// Grow makes *b at least so large. What it held is lost, and a recording that used the smaller
// piece must not be launched again: see Grown.
func (q *Queue) Grow(b **Buffer, bytes uint64) error {
	if *b != nil && (*b).Size >= bytes {
		return nil
	}
	q.grown++
	if *b != nil {
		if err := q.Sync(); err != nil {
			return err
		}
		if err := (*b).Free(); err != nil {
			return err
		}
		*b = nil
	}
	piece, err := q.Alloc(bytes)
	*b = piece
	return err
}

// Grown counts the pieces that were allocated anew. A recording made at another count may point to
// memory that was given back.
func (q *Queue) Grown() int { return q.grown }

// Reserve makes the workspace at least so large, so that nothing is allocated later. A Recording
// that used a smaller one must be made again; Recording.Launch tells.
func (q *Queue) Reserve(bytes uint64) error {
	before := q.grown
	err := q.Grow(&q.workspace, bytes)
	if q.grown != before {
		q.version++ // also if there is no other
	}
	return err
}

// Workspace is memory that an operation may use from its first launch to its last, and leaves
// nothing in. It is at least so large.
func (q *Queue) Workspace(bytes uint64) (*Buffer, error) {
	if err := q.Reserve(bytes); err != nil {
		return nil, err
	}
	q.uses++
	return q.workspace, nil
}

// Recording is launches that are started as one, and the workspace that they use.
type Recording struct {
	Replay
	q       *Queue
	version int // of the workspace, 0 if it uses none
}

// Record collects what body launches instead of running it.
func (q *Queue) Record(body func() error) (*Recording, error) {
	r := &Recording{q: q}
	uses := q.uses
	var err error
	if r.Replay, err = q.Device.Record(body); err != nil {
		return nil, err
	}
	if q.uses != uses {
		r.version = q.version
	}
	return r, nil
}

// Launch starts it. It cannot where the workspace that it was recorded with has been freed for a
// larger one.
func (r *Recording) Launch() error {
	if r.version != 0 && r.version != r.q.version {
		return fmt.Errorf("gpu: a recording needs the workspace that it was made with, which has been freed for a larger one: record again")
	}
	return r.Replay.Launch()
}
