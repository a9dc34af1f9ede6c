//go:build emulate

package emulate

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ebitengine/purego"

	"github.com/kvgen/kvgen/runtime/internal/fibres"
)

// What the machine is.
const (
	mostThreads = 1024
	mostShared  = 32 << 10 // threadgroup memory, of variables and dynamic together
)

// memory is that of the one device.
var memory struct {
	sync.Mutex
	fibres.Memory
}

// Alloc allocates memory that kernels may touch. Its address is one of this process.
func Alloc(bytes uint64) (address uint64, err error) {
	memory.Lock()
	defer memory.Unlock()
	memory.Alignment = 256 // of a buffer
	at, ok := memory.Memory.Alloc(bytes)
	if !ok {
		return 0, fmt.Errorf("%d bytes are not to be had", bytes)
	}
	return at, nil
}

// Free gives back what Alloc gave.
func Free(address uint64) error {
	memory.Lock()
	defer memory.Unlock()
	if !memory.Free(address) {
		return fmt.Errorf("nothing was allocated at %#x: %s", address, memory.Describe(address))
	}
	return nil
}

// Bytes is memory that was allocated, nil where it is not within one piece.
func Bytes(address, n uint64) []byte {
	memory.Lock()
	defer memory.Unlock()
	return memory.Bytes(address, n)
}

// Program is a text that was compiled.
type Program struct {
	lib, begin uintptr
	static     map[string]int // bytes of variables in threadgroup memory, by kernel
}

// local is the name of a variable of a kernel, which C++ makes of both names.
var local = regexp.MustCompile(`^_ZZL(\d+)(\w+)`)

// made are variables that the linker makes.
var made = []string{"completed.0", "__dso_handle"}

// statics are the bytes of variables in threadgroup memory that each kernel of an image declares.
func statics(image string) (map[string]int, error) {
	f, err := elf.Open(image)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		return nil, err
	}
	all := map[string]int{}
	for _, s := range symbols {
		if int(s.Section) >= len(f.Sections) || s.Size == 0 || elf.ST_TYPE(s.Info) != elf.STT_OBJECT {
			continue
		}
		switch f.Sections[s.Section].Name {
		case ".data", ".bss": // guards are those of arrays of f16
			if !slices.Contains(made, s.Name) && !strings.HasPrefix(s.Name, "_ZGV") {
				return nil, fmt.Errorf("a variable of a program is a constant: %s", s.Name)
			}
			continue
		case "threadgroup":
		default:
			continue
		}
		m := local.FindStringSubmatch(s.Name)
		if m == nil {
			return nil, fmt.Errorf("a variable in threadgroup memory is one of a kernel: %s", s.Name)
		}
		n, _ := strconv.Atoi(m[1])
		all[m[2][:min(n, len(m[2]))]] += int(s.Size)
	}
	return all, nil
}

func load(image string) (*Program, error) {
	if err := fibres.Ready(); err != nil {
		return nil, err
	}
	lib, err := purego.Dlopen(image, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	p := &Program{lib: lib}
	if p.begin, err = purego.Dlsym(lib, "emulated_begin"); err != nil {
		return nil, err
	}
	p.static, err = statics(image)
	return p, err
}

// Kernel is a function of a program.
type Kernel struct {
	Threads int // of a group, at most
	Shared  int // bytes of variables in threadgroup memory

	name    string
	entry   uintptr
	program *Program
}

// Kernel finds a kernel by its name; nil for none.
func (p *Program) Kernel(name string) *Kernel {
	entry, err := purego.Dlsym(p.lib, "emulated_call_"+name)
	if err != nil {
		return nil
	}
	threads, err := purego.Dlsym(p.lib, "emulated_threads_"+name)
	if err != nil {
		return nil
	}
	return &Kernel{Threads: int(*(*uint32)(fibres.Pointer(uint64(threads)))), Shared: p.static[name], name: name, entry: entry, program: p}
}

// Launch is one dispatch.
type Launch struct {
	Groups, Threads [3]uint32
	Buffers         []uint64 // addresses by index
	Shared          []int    // bytes of threadgroup memory by index
}

// Launch runs a kernel to its end.
func (k *Kernel) Launch(l Launch) error {
	threads, shared := 1, 0
	for i := range 3 {
		if l.Groups[i] < 1 || l.Threads[i] < 1 {
			return fmt.Errorf("kernel %s: a grid of %v groups of %v threads", k.name, l.Groups, l.Threads)
		}
		threads *= int(l.Threads[i])
	}
	for _, n := range l.Shared {
		if n%16 != 0 {
			return fmt.Errorf("kernel %s: threadgroup memory is set in multiples of 16 bytes: %d", k.name, n)
		}
		shared += n
	}
	switch {
	case threads > k.Threads || threads > mostThreads:
		return fmt.Errorf("kernel %s: %d threads of a group that may have %d", k.name, threads, min(k.Threads, mostThreads))
	case threads != 1 && threads%32 != 0:
		return fmt.Errorf("kernel %s: groups are whole SIMD groups: %d threads", k.name, threads)
	case shared+k.Shared > mostShared:
		return fmt.Errorf("kernel %s: %d bytes of threadgroup memory: there are %d", k.name, shared+k.Shared, mostShared)
	case len(l.Buffers) != 1 || len(l.Shared) > 1:
		return fmt.Errorf("kernel %s: %d buffers and %d pieces of threadgroup memory are bound: kernels have one, and at most one", k.name, len(l.Buffers), len(l.Shared))
	}
	args := binary.NativeEndian.AppendUint64(make([]byte, 0, 16), l.Buffers[0])
	memory.Lock()
	defer memory.Unlock()
	strict := uint32(1)
	if threads == 1 {
		strict = 0
	}
	run := fibres.Launch{Kernel: k.entry, Begin: k.program.begin, Strict: strict, Shared: uint32(shared),
		Grid:  fibres.Dim3{X: l.Groups[0], Y: l.Groups[1], Z: l.Groups[2]},
		Block: fibres.Dim3{X: l.Threads[0], Y: l.Threads[1], Z: l.Threads[2]}}
	return run.Run(k.name, []uint32{8}, args[:16:16], &memory.Memory)
}
