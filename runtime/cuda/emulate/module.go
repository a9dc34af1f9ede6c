//go:build emulate

package emulate

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// scheduler loads device/scheduler.cpp, which kernels are linked with when they are loaded, and
// returns its function that launches.
var scheduler = sync.OnceValues(func() (launch uintptr, err error) {
	dir, err := os.MkdirTemp("", "emulate")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := unpack(dir); err != nil {
		return 0, err
	}
	cmd := exec.Command("g++", "-O2", "-std=c++17", "-fPIC", "-shared", "-o", "scheduler.so", "scheduler.cpp")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("g++: %w\n%s", err, out)
	}
	lib, err := purego.Dlopen(filepath.Join(dir, "scheduler.so"), purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return 0, err
	}
	return purego.Dlsym(lib, "emulated_launch")
})

// module is an image that was loaded.
type module struct {
	lib       uintptr
	globals   map[string]uint64 // sizes by name
	bound     []uint64          // addresses of globals that were asked for
	image     []byte
	functions []uintptr
}

// function is a kernel.
type function struct {
	name    string
	module  uintptr
	entry   uintptr
	threads uint32   // that it may be launched with
	sizes   []uint32 // of its parameters
	dynamic int32    // bytes of dynamic shared memory that it may be launched with
}

// load makes a module of an image, which is a shared library.
func load(image unsafe.Pointer) (*module, error) {
	if _, err := scheduler(); err != nil {
		return nil, err
	}
	b := unsafe.Slice((*byte)(image), 64)
	if !bytes.HasPrefix(b, []byte(elf.ELFMAG)) {
		return nil, fmt.Errorf("the image is not one of the emulated compiler")
	}
	// The table of sections is the last part of what the linker writes.
	size := *(*uint64)(unsafe.Pointer(&b[40])) + uint64(*(*uint16)(unsafe.Pointer(&b[58])))*uint64(*(*uint16)(unsafe.Pointer(&b[60])))
	m := &module{globals: map[string]uint64{}, image: bytes.Clone(unsafe.Slice((*byte)(image), size))}
	f, err := elf.NewFile(bytes.NewReader(m.image))
	if err != nil {
		return nil, err
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return nil, err
	}
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) == elf.STT_OBJECT && s.Section != elf.SHN_UNDEF {
			m.globals[s.Name] = s.Size
		}
	}
	tmp, err := os.CreateTemp("", "emulate-*.so")
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(m.image)
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	m.lib, err = purego.Dlopen(tmp.Name(), purego.RTLD_NOW|purego.RTLD_LOCAL)
	return m, err
}

// function finds a kernel by its name.
func (m *module) function(name string) *function {
	entry, err := purego.Dlsym(m.lib, "emulated_call_"+name)
	if err != nil {
		return nil
	}
	sizes, err := purego.Dlsym(m.lib, "emulated_sizes_"+name)
	if err != nil {
		return nil
	}
	at, _, _ := purego.SyscallN(sizes)
	f := &function{name: name, entry: entry, dynamic: sharedDefault}
	list := unsafe.Slice((*uint32)(pointer(uint64(at))), 64)
	f.threads = list[0]
	for _, n := range list[1:] {
		if n == 0 {
			break
		}
		f.sizes = append(f.sizes, n)
	}
	return f
}

// dim3 is a size in three directions.
type dim3 struct{ x, y, z uint32 }

func (d dim3) String() string { return fmt.Sprintf("%d,%d,%d", d.x, d.y, d.z) }

// launch is the struct Launch of device/scheduler.cpp.
type launch struct {
	kernel      uintptr
	args        unsafe.Pointer
	grid, block dim3
	shared      uint32
}

// report is the struct Report.
type report struct {
	signal, write  int32
	address, place uint64
	thread, block  dim3
	text           [256]byte
}

// run runs a kernel with its arguments one behind the other, each at a multiple of 16 bytes.
func (f *function) run(l launch, args []byte, m *memory) error {
	start, err := scheduler()
	if err != nil {
		return err
	}
	// The arguments are copied for the launch, so that pointers of C point to nothing that moves.
	addresses := make([]unsafe.Pointer, len(f.sizes)+1)
	at := 0
	for i, n := range f.sizes {
		addresses[i] = unsafe.Pointer(&args[at])
		at += padded(n)
	}
	l.kernel, l.args = f.entry, unsafe.Pointer(&addresses[0])
	var r report
	code, _, _ := purego.SyscallN(start, uintptr(unsafe.Pointer(&l)), uintptr(unsafe.Pointer(&r)))
	runtime.KeepAlive(args)
	runtime.KeepAlive(addresses)
	if code == 0 {
		if what := m.spoiled(); what != "" {
			return fmt.Errorf("kernel %s %s", f.name, what)
		}
		return nil
	}
	return fmt.Errorf("kernel %s, thread %v of block %v: %s", f.name, r.thread, r.block, r.what(m))
}

func padded(n uint32) int { return (int(n) + 15) / 16 * 16 }

// what says what failed.
func (r *report) what(m *memory) string {
	switch r.signal {
	case 0:
		return string(r.text[:max(0, bytes.IndexByte(r.text[:], 0))])
	case 4: // SIGILL
		return "an index outside an array, or an address that is not aligned"
	case 8: // SIGFPE
		return "a division by zero"
	}
	if r.address == 0 {
		return "a null pointer, or an address that is not aligned"
	}
	return fmt.Sprintf("%s at %#x: %s", map[bool]string{true: "write", false: "read"}[r.write != 0], r.address, m.describe(r.address))
}
