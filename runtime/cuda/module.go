package cuda

import (
	"fmt"
	"reflect"
	"runtime"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/gpu"
)

// Module is a compiled program on a device.
type Module struct {
	d      *Device
	name   string
	handle uintptr
	arch   int // compute capability that its code was made for
}

// kernel is a function of a module.
type kernel struct {
	m      *Module
	name   string
	handle uintptr
	shared uint32 // bytes of dynamic shared memory
	// blocks may start before the launch before is done, for which the kernel waits itself
	// (await_previous in warp.cuh)
	early bool
}

// Overlap lets blocks of the kernel start while the launch before it ends, on GPUs that can do that
// (compute capability 9.0), if it was compiled for them: code for older ones does not wait.
func (f *kernel) Overlap() gpu.Kernel {
	early := *f
	early.early = f.m.arch >= 90
	return &early
}

// Build compiles a source and loads it, once for each device.
func (d *Device) Build(s *gpu.Source) (gpu.Module, error) {
	target := Target{d.Arch, d.DriverVersion}
	key := imageKey(s, target)
	if m, ok := d.modules[key]; ok {
		return m, nil
	}
	image, err := d.Compiler.Compile(s, target)
	if err != nil {
		return nil, err
	}
	m, err := d.Load(s.Name, image.Code)
	if err != nil {
		return nil, image.refused(d, err)
	}
	if image.BuiltIn != nil {
		m.arch = image.BuiltIn.Arch
	}
	if d.modules == nil {
		d.modules = map[string]*Module{}
	}
	d.modules[key] = m
	return m, nil
}

// Load puts a compiled program, an image that Compiler made, on the device.
func (d *Device) Load(name string, image []byte) (*Module, error) {
	m := &Module{d: d, name: name, arch: d.Arch}
	err := d.do(func() error {
		defer runtime.KeepAlive(image)
		return d.api.check(d.api.ModuleLoad(&m.handle, unsafe.Pointer(unsafe.SliceData(image))), "loading the kernel %s on %s", name, d.Name)
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Unload removes the program.
func (m *Module) Unload() error {
	return m.d.do(func() error { return m.d.api.check(m.d.api.ModuleUnload(m.handle), "unloading the kernel %s", m.name) })
}

// Facts reads a global array of n integers.
func (m *Module) Facts(name string, n int) ([]int32, error) {
	x := make([]int32, n)
	err := m.d.do(func() error {
		var p, bytes uint64
		if err := m.d.api.check(m.d.api.ModuleGlobal(&p, &bytes, m.handle, cString(name)), "looking for %s in the kernel %s", name, m.name); err != nil {
			return err
		}
		if bytes != uint64(4*n) {
			return fmt.Errorf("cuda: %s of the kernel %s has %d bytes, not %d", name, m.name, bytes, 4*n)
		}
		return m.d.api.check(m.d.api.Read(unsafe.Pointer(&x[0]), p, bytes), "reading %s of the kernel %s", name, m.name)
	})
	return x, err
}

// Kernel finds a kernel that is launched with at most so many bytes of dynamic shared memory.
func (m *Module) Kernel(name string, shared int) (gpu.Kernel, error) {
	f := &kernel{m: m, name: name, shared: uint32(shared)}
	err := m.d.do(func() error {
		if err := m.d.api.check(m.d.api.ModuleFunction(&f.handle, m.handle, cString(name)), "looking for %s in the kernel %s", name, m.name); err != nil {
			return err
		}
		return m.d.api.check(m.d.api.FunctionSet(f.handle, dynamicShared, int32(shared)), "giving %s of %s %d bytes of shared memory", name, m.name, shared)
	})
	return f, err
}

// Registers is how many a thread uses.
func (f *kernel) Registers() (n int, err error) {
	err = f.m.d.do(func() error {
		var v int32
		err := f.m.d.api.check(f.m.d.api.FunctionGet(&v, registersPer, f.handle), "asking for the registers of %s", f.name)
		n = int(v)
		return err
	})
	return n, err
}

// Resident is how many blocks of so many threads a multiprocessor holds at once.
func (f *kernel) Resident(threads int) (n int, err error) {
	err = f.m.d.do(func() error {
		var v int32
		err := f.m.d.api.check(f.m.d.api.Occupancy(&v, f.handle, int32(threads), uint64(f.shared)), "asking for the occupancy of %s", f.name)
		n = int(v)
		return err
	})
	return n, err
}

// Launch starts it; args points to the struct that is its argument.
func (f *kernel) Launch(g gpu.Grid, args any) error {
	if g.Y = max(g.Y, 1); g.Shared == 0 {
		g.Shared = int(f.shared)
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	arg := reflect.ValueOf(args).UnsafePointer()
	pin.Pin(arg)
	list := &[1]unsafe.Pointer{arg}
	pin.Pin(list)
	d := f.m.d
	return d.do(func() (err error) {
		defer runtime.KeepAlive(args)
		var code int32
		if f.early {
			code = f.launchEarly(g, unsafe.Pointer(list))
		} else {
			code = d.api.Launch(f.handle, uint32(g.X), uint32(g.Y), 1, uint32(g.Threads), 1, 1, uint32(g.Shared), d.stream, unsafe.Pointer(list), nil)
		}
		return d.api.check(code, "launching %s of %s, %dx%d blocks of %d threads", f.name, f.m.name, g.X, g.Y, g.Threads)
	})
}
