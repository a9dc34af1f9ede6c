package cuda

import (
	"bytes"
	"fmt"
	"runtime"
	"unsafe"
)

// Device is one GPU. Its methods may be called from any goroutine, one at a time.
type Device struct {
	Name            string
	Arch            int // compute capability: 90 for 9.0
	Multiprocessors int
	CacheBytes      int // of the L2 cache
	SharedBytes     int // shared memory that a block can have
	DriverVersion   int // of the CUDA version that the driver supports: 13000 for 13.0

	api     *api
	ordinal int32
	context uintptr
	stream  uintptr // everything is ordered by it: the default stream would not wait for it, nor it for that

	modules   map[string]*Module // by what they were built of
	space     workspace
	rehearsal *rehearsal // nil where memory is real

	grown int // pieces that were allocated anew, to which graphs recorded before may point
}

// Open finds GPU number ordinal of this machine.
func Open(ordinal int) (*Device, error) {
	lib, err := openFirst(openLibrary, driverFiles)
	if err != nil {
		return nil, fmt.Errorf("cuda: %w: %w", ErrNoDriver, err)
	}
	return OpenWith(lib, ordinal)
}

// OpenWith finds GPU number ordinal with a driver that is open already.
func OpenWith(lib Library, ordinal int) (*Device, error) {
	a := &api{}
	if err := bindAll(lib, a); err != nil {
		return nil, fmt.Errorf("cuda: %w: %w", ErrNoDriver, err)
	}
	if err := a.check(a.Init(0), "starting the driver %s", lib.Name()); err != nil {
		return nil, err
	}
	var n, version int32
	if err := a.check(a.DeviceCount(&n), "counting GPUs"); err != nil {
		return nil, err
	}
	if ordinal < 0 || ordinal >= int(n) {
		return nil, fmt.Errorf("cuda: there is no GPU %d: %s finds %d", ordinal, lib.Name(), n)
	}
	d := &Device{api: a}
	if err := a.check(a.DeviceGet(&d.ordinal, int32(ordinal)), "opening GPU %d", ordinal); err != nil {
		return nil, err
	}
	if err := a.check(a.DriverVersion(&version), "asking for the driver's version"); err != nil {
		return nil, err
	}
	d.DriverVersion = int(version)
	if err := d.describe(); err != nil {
		return nil, err
	}
	if d.Arch < 75 {
		return nil, fmt.Errorf("cuda: GPU %d, %s, has compute capability %d.%d; kernels need 7.5", ordinal, d.Name, d.Arch/10, d.Arch%10)
	}
	if err := a.check(a.ContextRetain(&d.context, d.ordinal), "making a context on %s", d.Name); err != nil {
		return nil, err
	}
	err := d.do(func() error {
		return a.check(a.StreamCreate(&d.stream, nonBlockingQueue), "making a stream on %s", d.Name)
	})
	if err != nil {
		a.ContextRelease(d.ordinal)
		return nil, err
	}
	return d, nil
}

func (d *Device) describe() error {
	name := make([]byte, 256)
	if err := d.api.check(d.api.DeviceName(&name[0], int32(len(name)), d.ordinal), "asking for the GPU's name"); err != nil {
		return err
	}
	d.Name = string(name[:max(0, bytes.IndexByte(name, 0))])
	var major, minor, sms, cache, shared int32
	for _, q := range []struct {
		attribute int32
		value     *int32
	}{{majorVersion, &major}, {minorVersion, &minor}, {multiprocessors, &sms}, {cacheBytes, &cache}, {maxSharedOptin, &shared}} {
		if err := d.api.check(d.api.DeviceAttribute(q.value, q.attribute, d.ordinal), "asking %s for attribute %d", d.Name, q.attribute); err != nil {
			return err
		}
	}
	d.Arch, d.Multiprocessors, d.CacheBytes, d.SharedBytes = int(10*major+minor), int(sms), int(cache), int(shared)
	return nil
}

// do runs f with the device's context current, which is a property of the operating system's thread.
func (d *Device) do(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := d.api.check(d.api.ContextSet(d.context), "using %s", d.Name); err != nil {
		return err
	}
	return f()
}

// Close gives the device back; what was allocated on it is gone.
func (d *Device) Close() error {
	err := d.do(func() error {
		return d.api.check(d.api.StreamDestroy(d.stream), "closing the stream of %s", d.Name)
	})
	if e := d.api.check(d.api.ContextRelease(d.ordinal), "closing %s", d.Name); err == nil {
		err = e
	}
	return err
}

// Free returns how many bytes of the device's memory are free, and how many there are.
func (d *Device) Free() (free, total uint64, err error) {
	err = d.do(func() error {
		return d.api.check(d.api.MemoryInfo(&free, &total), "asking %s for its free memory", d.Name)
	})
	return free, total, err
}

// Sync waits until everything that was launched is done. Errors of kernels appear here.
func (d *Device) Sync() error {
	if d.rehearsal != nil {
		return nil
	}
	return d.do(func() error { return d.api.check(d.api.StreamSync(d.stream), "waiting for %s", d.Name) })
}

// Memory is a piece of device memory, or a part of one.
type Memory struct {
	d    *Device
	at   uint64
	Size uint64 // bytes
	part bool
}

// Slice is size bytes of the memory from byte at on, which is the caller's to keep inside it: what lies outside has no bytes.
func (m *Memory) Slice(at, size uint64) *Memory {
	at = min(at, m.Size)
	return &Memory{d: m.d, at: m.at + at, Size: min(size, m.Size-at), part: true}
}

// Alloc allocates size bytes, zeroed. The error says how much there is.
func (d *Device) Alloc(bytes uint64) (*Memory, error) {
	m := &Memory{d: d, Size: bytes}
	if d.rehearsal != nil {
		return d.rehearsal.alloc(m), nil
	}
	err := d.do(func() error {
		if err := d.api.check(d.api.Alloc(&m.at, max(bytes, 16)), "allocating %s on %s", size(bytes), d.Name); err != nil {
			return err
		}
		return d.api.check(d.api.Fill(m.at, 0, max(bytes, 16), d.stream), "clearing %s on %s", size(bytes), d.Name)
	})
	if err == nil {
		return m, nil
	}
	if free, total, e := d.Free(); e == nil {
		err = fmt.Errorf("%w; %s of %s are free", err, size(free), size(total))
	}
	return nil, err
}

// Free gives the memory back. A part cannot be given back by itself.
func (m *Memory) Free() error {
	if m.part {
		return fmt.Errorf("cuda: freeing %s that are a part of a piece of memory", size(m.Size))
	}
	if r := m.d.rehearsal; r != nil {
		r.free(m)
		return nil
	}
	return m.d.do(func() error { return m.d.api.check(m.d.api.Free(m.at), "freeing %s on %s", size(m.Size), m.d.Name) })
}

// clear makes all of it zeros, after what was launched before.
func (m *Memory) clear() error {
	return m.d.do(func() error {
		return m.d.api.check(m.d.api.Fill(m.at, 0, m.Size, m.d.stream), "clearing %s on %s", size(m.Size), m.d.Name)
	})
}

// copy makes it the same as another piece of its size, after what was launched before.
func (m *Memory) copy(from *Memory) error {
	if err := from.fits(0, m.Size); err != nil {
		return err
	}
	return m.d.do(func() error {
		return m.d.api.check(m.d.api.Copy(m.at, from.at, m.Size, m.d.stream), "copying %s on %s", size(m.Size), m.d.Name)
	})
}

// number is a value whose bytes mean the same on the host and on the device.
type number interface {
	~uint8 | ~uint16 | ~int32 | ~uint32 | ~float32 | ~float64
}

// Write copies x to the memory, from byte at on, and waits.
func Write[N number](m *Memory, at uint64, x []N) error {
	if err := Post(m, at, x); err != nil {
		return err
	}
	return m.d.Sync()
}

// Post is Write that does not wait for what was launched before. x may be changed when it returns: the driver copies memory
// that is not pinned before that.
func Post[N number](m *Memory, at uint64, x []N) error {
	n := uint64(len(x)) * uint64(unsafe.Sizeof(*new(N)))
	if err := m.fits(at, n); err != nil || n == 0 || m.d.rehearsal != nil {
		return err
	}
	return m.d.do(func() error {
		defer runtime.KeepAlive(x)
		return m.d.api.check(m.d.api.Write(m.at+at, unsafe.Pointer(&x[0]), n, m.d.stream), "copying %s to %s", size(n), m.d.Name)
	})
}

// Read copies from byte at of the memory to x, after everything that was launched before.
func Read[N number](m *Memory, at uint64, x []N) error {
	n := uint64(len(x)) * uint64(unsafe.Sizeof(*new(N)))
	if err := m.fits(at, n); err != nil || n == 0 {
		return err
	}
	return m.d.do(func() error {
		defer runtime.KeepAlive(x)
		if err := m.d.api.check(m.d.api.StreamSync(m.d.stream), "waiting for %s", m.d.Name); err != nil {
			return err
		}
		return m.d.api.check(m.d.api.Read(unsafe.Pointer(&x[0]), m.at+at, n), "copying %s from %s", size(n), m.d.Name)
	})
}

func (m *Memory) fits(at, n uint64) error {
	if at > m.Size || n > m.Size-at {
		return fmt.Errorf("cuda: %d bytes from %d on are outside a piece of %d", n, at, m.Size)
	}
	return nil
}
