package cuda

import (
	"bytes"
	"fmt"
	"runtime"

	"github.com/kvgen/kvgen/runtime/gpu"
)

// Device is one GPU: the gpu.Device of CUDA's driver.
type Device struct {
	Name          string
	Arch          int       // compute capability: 90 for 9.0
	DriverVersion int       // of the CUDA version that the driver supports: 13000 for 13.0
	Compiler      *Compiler // of its kernels

	limits gpu.Limits
	more   gpu.Text // as in gpu.Options

	api     *api
	ordinal int32
	context uintptr
	// everything is ordered by it: the default stream would not wait for it, nor it for that
	stream uintptr

	modules map[string]*Module // by what they were built of
}

var _ gpu.Device = (*Device)(nil)

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
	d := &Device{api: a, Compiler: &Compiler{}}
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
	d.Arch = int(10*major + minor)
	d.limits = gpu.Limits{Name: d.Name, Generation: fmt.Sprintf("%d.%d", major, minor), Arch: fmt.Sprintf("sm_%d", d.Arch), Cores: int(sms), CacheBytes: int(cache), SharedBytes: int(shared)}
	return nil
}

// Limits is what the GPU is.
func (d *Device) Limits() gpu.Limits { return d.limits }

// do runs f with the device's context current, which is a property of the operating system's
// thread.
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

// Available returns how many bytes of the device's memory are free, and how many there are.
func (d *Device) Available() (free, total uint64, err error) {
	err = d.do(func() error {
		return d.api.check(d.api.MemoryInfo(&free, &total), "asking %s for its free memory", d.Name)
	})
	return free, total, err
}

// Sync waits until everything that was launched is done. Errors of kernels appear here.
func (d *Device) Sync() error {
	return d.do(func() error { return d.api.check(d.api.StreamSync(d.stream), "waiting for %s", d.Name) })
}
