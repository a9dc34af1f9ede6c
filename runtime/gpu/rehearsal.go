package gpu

import "errors"

// Rehearsal is a device that counts what would be allocated, instead of allocating it. Nothing is
// launched or copied. Programs are compiled by the device behind it, since they know the sizes of
// what they work on.
type Rehearsal struct {
	Device           // limits, dialect, memory that is free
	Now, Most uint64 // bytes that are allocated, and that were at most
	next      uint64 // address
}

// Rehearse makes a rehearsal of a device.
func Rehearse(d Device) *Rehearsal { return &Rehearsal{Device: d, next: 1 << 40} }

// granule is what a driver rounds pieces of memory up to.
const granule = 512

func rounded(bytes uint64) uint64 { return (max(bytes, 16) + granule - 1) / granule * granule }

// Alloc counts.
func (r *Rehearsal) Alloc(bytes uint64) (uint64, error) {
	n := rounded(bytes)
	r.next += granule // pieces do not touch
	at := r.next
	r.next += n
	r.Now += n
	r.Most = max(r.Most, r.Now)
	return at, nil
}

// Free counts.
func (r *Rehearsal) Free(_, bytes uint64) error {
	r.Now -= rounded(bytes)
	return nil
}

// Write, Copy, Clear and Sync do nothing.
func (r *Rehearsal) Write(uint64, any) error           { return nil }
func (r *Rehearsal) Copy(uint64, uint64, uint64) error { return nil }
func (r *Rehearsal) Clear(uint64, uint64) error        { return nil }
func (r *Rehearsal) Sync() error                       { return nil }

// Close does nothing: the device behind it stays open.
func (r *Rehearsal) Close() error { return nil }

var errRehearsed = errors.New("gpu: nothing has run in a rehearsal: there is nothing to read or to record")

// Read fails: there is nothing to read.
func (r *Rehearsal) Read(any, uint64) error { return errRehearsed }

// Record fails: there is nothing to launch.
func (r *Rehearsal) Record(func() error) (Replay, error) { return nil, errRehearsed }

// Build compiles a program whose kernels do nothing.
func (r *Rehearsal) Build(s *Source) (Module, error) {
	m, err := r.Device.Build(s)
	if err != nil {
		return nil, err
	}
	return idleModule{m}, nil
}

type idleModule struct{ Module }

func (m idleModule) Kernel(name string, shared int) (Kernel, error) {
	k, err := m.Module.Kernel(name, shared)
	if err != nil {
		return nil, err
	}
	return idleKernel{k}, nil
}

type idleKernel struct{ Kernel }

func (k idleKernel) Launch(Grid, any) error { return nil }
func (k idleKernel) Overlap() Kernel        { return idleKernel{k.Kernel.Overlap()} }
