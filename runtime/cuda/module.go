package cuda

import (
	"fmt"
	"runtime"
	"unsafe"
)

// Module is a compiled program on a device.
type Module struct {
	d      *Device
	name   string
	handle uintptr
	arch   int // compute capability that its code was made for
}

// Function is a kernel of a module.
type Function struct {
	m      *Module
	name   string
	handle uintptr
	shared uint32 // bytes of dynamic shared memory
	early  bool   // blocks may start before the launch before is done, for which the kernel waits itself (await_previous in warp.cuh)
}

// Early lets blocks of the kernel start while the launch before it ends, on GPUs that can do that (compute capability 9.0), if it was
// compiled for them: code for older ones does not wait.
func (f *Function) Early() *Function {
	f.early = f.m.arch >= 90
	return f
}

// build compiles a source and loads it, once for each device.
func (d *Device) build(c *Compiler, s *Source) (*Module, error) {
	target := Target{d.Arch, d.DriverVersion}
	key := s.key(target)
	if m, ok := d.modules[key]; ok {
		return m, nil
	}
	image, err := c.Compile(s, target)
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

// Ints reads a global array of n integers.
func (m *Module) Ints(name string, n int) ([]int32, error) {
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

// Function finds a kernel that is launched with the given bytes of dynamic shared memory.
func (m *Module) Function(name string, shared int) (*Function, error) {
	f := &Function{m: m, name: name, shared: uint32(shared)}
	err := m.d.do(func() error {
		if err := m.d.api.check(m.d.api.ModuleFunction(&f.handle, m.handle, cString(name)), "looking for %s in the kernel %s", name, m.name); err != nil {
			return err
		}
		return m.d.api.check(m.d.api.FunctionSet(f.handle, dynamicShared, int32(shared)), "giving %s of %s %d bytes of shared memory", name, m.name, shared)
	})
	return f, err
}

// Registers is how many a thread uses.
func (f *Function) Registers() (n int, err error) {
	err = f.m.d.do(func() error {
		var v int32
		err := f.m.d.api.check(f.m.d.api.FunctionGet(&v, registersPer, f.handle), "asking for the registers of %s", f.name)
		n = int(v)
		return err
	})
	return n, err
}

// Resident is how many blocks of so many threads a multiprocessor holds at once.
func (f *Function) Resident(threads int) (n int, err error) {
	err = f.m.d.do(func() error {
		var v int32
		err := f.m.d.api.check(f.m.d.api.Occupancy(&v, f.handle, int32(threads), uint64(f.shared)), "asking for the occupancy of %s", f.name)
		n = int(v)
		return err
	})
	return n, err
}

// launch starts a kernel whose one argument is the struct at arg.
func (f *Function) launch(x, y, threads int, arg unsafe.Pointer) error {
	return f.launchShared(x, y, threads, int(f.shared), arg)
}

// launchShared starts a kernel with fewer bytes of dynamic shared memory than the function may have.
func (f *Function) launchShared(x, y, threads, shared int, arg unsafe.Pointer) error {
	if f.m.d.rehearsal != nil {
		return nil
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(arg)
	args := &[1]unsafe.Pointer{arg}
	pin.Pin(args)
	d := f.m.d
	if f.early {
		return f.launchEarly(x, y, threads, shared, unsafe.Pointer(args))
	}
	return d.do(func() error {
		return d.api.check(d.api.Launch(f.handle, uint32(x), uint32(y), 1, uint32(threads), 1, 1, uint32(shared), d.stream, unsafe.Pointer(args), nil),
			"launching %s of %s, %dx%d blocks of %d threads", f.name, f.m.name, x, y, threads)
	})
}
