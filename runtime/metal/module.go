package metal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// module is a compiled program.
type module struct {
	d         *Device
	name      string
	library   objc.ID
	archive   *archive
	pipelines map[string]*kernel
}

// kernel is a function of a module.
type kernel struct {
	m        *module
	name     string
	pipeline objc.ID
	threads  int // that a group may have
	static   int // bytes of threadgroup memory that it declares
	shared   int // bytes that a launch has beside, if it says nothing
}

// language is the version of Metal's language that frames are read as: 3.0, and what later systems
// add. Without it the version would depend on what this program was linked for.
func (d *Device) language() uint64 { return 3<<16 | uint64(min(d.os, 15)-13) }

// key is the hash of all that machine code depends on.
func (d *Device) key(s *gpu.Source) string {
	h := sha256.New()
	for _, part := range []string{"kvrun metal 1", d.system, d.limits.Name, d.limits.Arch, fmt.Sprint(d.language(), s.Exact), s.Main} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		fmt.Fprintf(h, "%d:%s%d:%s", len(name), name, len(s.Headers[name]), s.Headers[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Build compiles a source, once for each device.
func (d *Device) Build(s *gpu.Source) (gpu.Module, error) {
	key := d.key(s)
	if m, ok := d.modules[key]; ok {
		return m, nil
	}
	m := &module{d: d, name: s.Name, pipelines: map[string]*kernel{}}
	err := d.do(func() (err error) {
		if m.library, err = d.compile(s); err != nil {
			return err
		}
		m.archive = d.openArchive(key)
		d.modules[key] = m
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// compile makes a library. A warning alone gives a library and an error too.
func (d *Device) compile(s *gpu.Source) (objc.ID, error) {
	options := d.api.New(d.runtime.Class("MTLCompileOptions"))
	defer d.api.Release(options)
	d.api.SetLanguage(options, d.language())
	// what kernels store is specified bit for bit: no fast math
	if d.api.Responds(options, d.runtime.Selector("setMathMode:")) {
		d.api.SetMathMode(options, mathSafe)
	} else {
		d.api.SetFastMath(options, false)
	}
	f := flatten(s)
	text := d.newString(f.text.String())
	defer d.api.Release(text)
	var e objc.ID
	library := d.api.NewLibrary(d.device, text, options, &e)
	if library == 0 {
		err := d.failed(e, "compiling the kernel %s of %v for %s", s.Name, f.used(), d.limits.Name).(*Error)
		err.Text = f.told(err.Text)
		return 0, fmt.Errorf("%w; docs/metal.md says how to change a kernel without building anything, and --device cpu runs models on the processor", err)
	}
	return library, nil
}

func (m *module) release() {
	for _, k := range m.pipelines {
		m.d.api.Release(k.pipeline)
	}
	m.archive.release(m.d)
	m.d.api.Release(m.library)
}

// Kernel finds a kernel that is launched with at most so many bytes of dynamic threadgroup memory.
func (m *module) Kernel(name string, shared int) (gpu.Kernel, error) {
	var k kernel
	err := m.d.do(func() error {
		found, err := m.find(name)
		if err != nil {
			return err
		}
		k = *found
		k.shared = shared
		return k.fits(gpu.Grid{X: 1, Y: 1, Threads: 1, Shared: shared})
	})
	return &k, err
}

// find makes the pipeline of a kernel, once.
func (m *module) find(name string) (*kernel, error) {
	if k := m.pipelines[name]; k != nil {
		return k, nil
	}
	d := m.d
	text := d.newString(name)
	defer d.api.Release(text)
	function := d.api.NewFunction(m.library, text)
	if function == 0 {
		return nil, fmt.Errorf("metal: the kernel %s has no %s", m.name, name)
	}
	defer d.api.Release(function)
	descriptor := d.api.New(d.runtime.Class("MTLComputePipelineDescriptor"))
	defer d.api.Release(descriptor)
	d.api.SetFunction(descriptor, function)
	k := &kernel{m: m, name: name, pipeline: m.archive.use(d, descriptor)}
	if k.pipeline == 0 {
		var e objc.ID
		if k.pipeline = d.api.NewPipeline(d.device, descriptor, 0, nil, &e); k.pipeline == 0 {
			return nil, d.failed(e, "making machine code of %s of %s for %s", name, m.name, d.limits.Name)
		}
		m.archive.add(d, descriptor)
	}
	k.threads, k.static = int(d.api.MostThreads(k.pipeline)), int(d.api.StaticMemory(k.pipeline))
	m.pipelines[name] = k
	return k, nil
}

// Facts asks a kernel of that name for n integers, since the host cannot read a program's
// constants.
func (m *module) Facts(name string, n int) ([]int32, error) {
	x := make([]int32, n)
	err := m.d.do(func() error {
		k, err := m.find(name)
		if err != nil {
			return err
		}
		if m.d.recording != nil {
			return fmt.Errorf("metal: %s of %s cannot be asked for while launches are recorded", name, m.name)
		}
		p, err := m.d.newPiece(uint64(4 * n))
		if err != nil {
			return err
		}
		defer m.d.api.Release(p.id)
		if err := m.d.dispatch(k, gpu.Grid{X: 1, Y: 1, Threads: 1}, p.id, 0); err != nil {
			return err
		}
		if err := m.d.wait(); err != nil {
			return err
		}
		copy(bytesOf(x), p.slice(0, uint64(4*n)))
		return nil
	})
	return x, err
}

// Overlap is the same kernel: Metal starts a kernel when those before it are done.
func (k *kernel) Overlap() gpu.Kernel { return k }

// Resident is how many groups of so many threads a core holds at once, by what is known of the M1:
// Metal does not say it. A kernel of few registers may have 1024 threads in a group, of which a
// core holds two, and 64 KiB of threadgroup memory.
func (k *kernel) Resident(threads int) (int, error) {
	n := 2 * k.threads / max(1, threads)
	if bytes := k.static + k.shared; bytes > 0 {
		n = min(n, 2*k.m.d.limits.SharedBytes/bytes)
	}
	return max(1, n), nil
}

// fits says whether a launch is one that the GPU can do.
func (k *kernel) fits(g gpu.Grid) error {
	switch most := k.m.d.limits.SharedBytes; {
	case g.X < 1 || g.Threads < 1:
		return fmt.Errorf("metal: %s of %s: a launch has at least 1 group of 1 thread: %dx%d groups of %d", k.name, k.m.name, g.X, g.Y, g.Threads)
	case g.Threads > k.threads:
		return fmt.Errorf("metal: %s of %s: a group has at most %d threads on %s: %d were asked for", k.name, k.m.name, k.threads, k.m.d.limits.Name, g.Threads)
	case k.static+g.Shared > most:
		return fmt.Errorf("metal: %s of %s: a group has at most %d bytes of threadgroup memory on %s: %d were asked for", k.name, k.m.name, most, k.m.d.limits.Name, k.static+g.Shared)
	}
	return nil
}

// Launch starts it; args points to the struct that is its argument.
func (k *kernel) Launch(g gpu.Grid, args any) error {
	defer runtime.KeepAlive(args)
	if g.Y = max(g.Y, 1); g.Shared == 0 {
		g.Shared = k.shared
	}
	v := reflect.ValueOf(args)
	from := unsafe.Slice((*byte)(v.UnsafePointer()), v.Type().Elem().Size())
	d := k.m.d
	return d.do(func() error {
		if err := k.fits(g); err != nil {
			return err
		}
		if d.recording != nil {
			d.recording.add(k, g, from)
			return nil
		}
		at, err := d.room(uint64(len(from)))
		if err != nil {
			return err
		}
		c := d.work.chunk()
		copy(c.slice(at, uint64(len(from))), from)
		if err := d.dispatch(k, g, c.id, at); err != nil {
			return err
		}
		d.counted(1)
		return nil
	})
}
