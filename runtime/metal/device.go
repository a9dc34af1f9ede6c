package metal

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// Device is one GPU: the gpu.Device of Metal.
type Device struct {
	mu      sync.Mutex
	runtime objc.Runtime
	api     *api
	limits  gpu.Limits
	more    gpu.Text // as in gpu.Options
	folder  string   // of machine code, "" for none
	system  string   // version of the system
	os      int64    // 15 for macOS 15

	device, queue, fence objc.ID
	residency            objc.ID // what the GPU may touch, since macOS 15
	total, longest       uint64  // bytes that it may have, and in one piece

	memory  memory
	work    work
	modules map[string]*module // by what they were built of
	awake   awake

	recording *replay // that launches are added to, nil where they run
	replaying bool
	lost      error // after which nothing in its memory can be trusted
}

var _ gpu.Device = (*Device)(nil)

// OpenWith finds GPU number ordinal of a system. Machine code of kernels is kept in folder; ""
// keeps none.
func OpenWith(r objc.Runtime, ordinal int, folder string) (*Device, error) {
	d := &Device{runtime: r, api: &api{}, folder: folder, modules: map[string]*module{}}
	if err := d.api.bind(r); err != nil {
		return nil, err
	}
	err := d.do(func() error { return d.find(ordinal) })
	if err != nil {
		d.do(func() error { d.release(); return nil })
		return nil, err
	}
	return d, nil
}

// find finds the GPU and makes what everything needs.
func (d *Device) find(ordinal int) error {
	info := d.api.ProcessInfo(d.runtime.Class("NSProcessInfo"))
	d.system = d.text(d.api.SystemVersion(info))
	for _, v := range []int64{13, 14, 15} {
		if d.api.AtLeast(info, objc.Version{Major: v}) {
			d.os = v
		}
	}
	if d.os == 0 {
		return fmt.Errorf("metal: kernels need macOS 13 or later: this is %s; --device cpu runs models on the processor", d.system)
	}
	all := d.api.AllDevices()
	n := d.api.Count(all)
	if ordinal >= 0 && uint64(ordinal) < n {
		d.device = d.api.Retain(d.api.At(all, uint64(ordinal)))
	}
	d.api.Release(all)
	if d.device == 0 {
		return fmt.Errorf("metal: there is no GPU %d: the system finds %d", ordinal, n)
	}
	if err := d.describe(ordinal); err != nil {
		return err
	}
	if d.queue = d.api.NewQueue(d.device); d.queue == 0 {
		return fmt.Errorf("metal: %s gives no command queue", d.limits.Name)
	}
	if d.fence = d.api.NewFence(d.device); d.fence == 0 {
		return fmt.Errorf("metal: %s gives no fence", d.limits.Name)
	}
	if err := d.work.open(d); err != nil {
		return err
	}
	if !d.api.Responds(d.device, d.runtime.Selector("newResidencySetWithDescriptor:error:")) {
		return nil
	}
	descriptor, e := d.api.New(d.runtime.Class("MTLResidencySetDescriptor")), objc.ID(0)
	defer d.api.Release(descriptor)
	if d.residency = d.api.NewResidency(d.device, descriptor, &e); d.residency == 0 {
		return d.failed(e, "making a set of resident memory on %s", d.limits.Name)
	}
	d.api.AddSet(d.queue, d.residency)
	return nil
}

// describe asks what the GPU is, and refuses what kernels do not run on.
func (d *Device) describe(ordinal int) error {
	called := d.text(d.api.Name(d.device))
	family := int64(0)
	for f := int64(familyApple7); f <= familyApple10+10; f++ {
		if d.api.Supports(d.device, f) {
			family = f - 1000
		}
	}
	if family == 0 {
		return fmt.Errorf("metal: kernels need a GPU of Apple's family 7 (M1) or later: GPU %d, %s, is none; --device cpu runs models on the processor", ordinal, called)
	}
	d.total, d.longest = d.api.WorkingSet(d.device), d.api.LongestPiece(d.device)
	d.limits = gpu.Limits{
		Name: called, Generation: fmt.Sprint("Apple", family), Arch: fmt.Sprint("apple", family), Cores: d.cores(),
		// Metal does not say how large the cache is; that of the M1 is the smallest
		CacheBytes: 8 << 20, SharedBytes: int(d.api.GroupMemory(d.device)),
	}
	return nil
}

// cores asks the system's registry of devices, since Metal does not say how many a GPU has.
func (d *Device) cores() int {
	const fewest = 7 // of an M1
	entry := d.api.Service(0, d.api.EntryByID(d.api.RegistryID(d.device)))
	if entry == 0 {
		return fewest
	}
	defer d.api.ReleasePort(entry)
	key := d.newString("gpu-core-count")
	defer d.api.Release(key)
	number := d.api.Property(entry, key, 0, 0)
	if number == 0 {
		return fewest
	}
	defer d.api.Release(number)
	return min(max(1, int(d.api.Number(number))), 1024)
}

// Limits is what the GPU is.
func (d *Device) Limits() gpu.Limits { return d.limits }

// do runs f alone, with a pool for what Objective-C gives until later. A pool belongs to a thread.
func (d *Device) do(f func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lost != nil {
		return d.lost
	}
	return d.pooled(f)
}

func (d *Device) pooled(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pool := d.api.PoolPush()
	defer d.api.PoolPop(pool)
	return f()
}

// Available returns how many bytes of memory the device may still have, and how many it may have:
// what the system recommends, since memory is shared with the processor.
func (d *Device) Available() (free, total uint64, err error) {
	err = d.do(func() error {
		free = d.total - min(d.total, d.api.Allocated(d.device))
		return nil
	})
	return free, d.total, err
}

// Sync waits until everything that was launched is done. Errors of kernels appear here.
func (d *Device) Sync() error { return d.do(d.wait) }

var errClosed = errors.New("metal: the device is closed")

// Close gives the device back; what was allocated on it is gone.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if errors.Is(d.lost, errClosed) {
		return nil
	}
	return d.pooled(func() error {
		known := d.lost != nil
		err := d.wait()
		d.release()
		if d.lost = errClosed; known {
			return nil // it was said
		}
		return err
	})
}

// release gives back all objects.
func (d *Device) release() {
	d.awake.end(d)
	d.work.close(d)
	for _, m := range d.modules {
		m.release()
	}
	for _, p := range d.memory.pieces {
		d.drop(p)
	}
	d.memory = memory{}
	if d.residency != 0 {
		d.api.Commit(d.residency)
		d.api.EndResident(d.residency)
	}
	for _, o := range []objc.ID{d.residency, d.fence, d.queue, d.device} {
		if o != 0 {
			d.api.Release(o)
		}
	}
}
