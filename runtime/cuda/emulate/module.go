//go:build emulate

package emulate

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/kvgen/kvgen/runtime/internal/fibres"
)

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
	if err := fibres.Ready(); err != nil {
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
	list := unsafe.Slice((*uint32)(fibres.Pointer(uint64(at))), 64)
	f.threads = list[0]
	for _, n := range list[1:] {
		if n == 0 {
			break
		}
		f.sizes = append(f.sizes, n)
	}
	return f
}
