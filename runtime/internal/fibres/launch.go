//go:build emulate

package fibres

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Files holds device/scheduler.h, which kernels are compiled with, and the scheduler.
//
//go:embed device
var Files embed.FS

// scheduler loads device/scheduler.cpp, which kernels are linked with when they are loaded, and
// returns its function that launches.
var scheduler = sync.OnceValues(func() (launch uintptr, err error) {
	dir, err := os.MkdirTemp("", "emulate")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"scheduler.h", "scheduler.cpp"} {
		text, err := Files.ReadFile("device/" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o666)
		}
		if err != nil {
			return 0, err
		}
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

// Ready says whether kernels can be loaded: they are linked with the scheduler.
func Ready() error {
	_, err := scheduler()
	return err
}

// Dim3 is a size in three directions.
type Dim3 struct{ X, Y, Z uint32 }

func (d Dim3) String() string { return fmt.Sprintf("%d,%d,%d", d.X, d.Y, d.Z) }

// Launch is the struct Launch of scheduler.cpp.
type Launch struct {
	Kernel      uintptr // that is called with args
	args        unsafe.Pointer
	Grid, Block Dim3
	Shared      uint32  // bytes
	Strict      uint32  // 1: a thread that has finished is missed where others meet
	Begin       uintptr // what is called before each block; 0 for nothing
}

// report is the struct Report.
type report struct {
	signal, write  int32
	address, place uint64
	thread, block  Dim3
	text           [256]byte
}

// Run runs a kernel called name with its arguments, sizes of them one behind the other in args,
// each at a multiple of 16 bytes.
func (l Launch) Run(name string, sizes []uint32, args []byte, m *Memory) error {
	start, err := scheduler()
	if err != nil {
		return err
	}
	// The arguments are copied for the launch, so that pointers of C point to nothing that moves.
	addresses := make([]unsafe.Pointer, len(sizes)+1)
	at := 0
	for i, n := range sizes {
		addresses[i] = unsafe.Pointer(&args[at])
		at += Padded(n)
	}
	l.args = unsafe.Pointer(&addresses[0])
	var r report
	code, _, _ := purego.SyscallN(start, uintptr(unsafe.Pointer(&l)), uintptr(unsafe.Pointer(&r)))
	runtime.KeepAlive(args)
	runtime.KeepAlive(addresses)
	if code == 0 {
		if what := m.spoiled(); what != "" {
			return fmt.Errorf("kernel %s %s", name, what)
		}
		return nil
	}
	return fmt.Errorf("kernel %s, thread %v of block %v: %s", name, r.thread, r.block, r.what(m))
}

// Padded is the room of an argument.
func Padded(n uint32) int { return (int(n) + 15) / 16 * 16 }

// what says what failed.
func (r *report) what(m *Memory) string {
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
	return fmt.Sprintf("%s at %#x: %s", map[bool]string{true: "write", false: "read"}[r.write != 0], r.address, m.Describe(r.address))
}
