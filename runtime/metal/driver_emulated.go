//go:build emulate && !gpu

package metal

import (
	"fmt"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/metal/emulate"
	"github.com/kvgen/kvgen/runtime/metal/fake"
)

// open opens a GPU that this processor plays, for tests: a program built with the tag emulate has
// no others than number 0 and 1, each with memory of its own. Number 1 is on a macOS without sets
// of resident memory. Machine code is not kept: package emulate does so.
func open(number int) (*Device, error) {
	system := fake.New(15, machine{})
	if number == 1 {
		system.Major, number = 13, 0
	}
	system.GPUs[0].Name, system.GPUs[0].WorkingSet, system.GPUs[0].Longest = "Emulated M1", 16<<30, 8<<30
	return OpenWith(system, number, "")
}

// machine is package emulate as the fake of Metal knows it.
type machine struct{}

func (machine) Alloc(bytes uint64) (unsafe.Pointer, uint64, error) {
	at, err := emulate.Alloc(bytes)
	if err != nil {
		return nil, 0, err
	}
	b := emulate.Bytes(at, bytes)
	if b == nil {
		return nil, 0, fmt.Errorf("%d bytes at %#x are not the device's", bytes, at)
	}
	return unsafe.Pointer(&b[0]), at, nil
}

func (machine) Free(address uint64) error { return emulate.Free(address) }

func (machine) Compile(text string) (fake.Program, error) {
	p, err := emulate.Compile(text)
	return program{p}, err
}

type program struct{ *emulate.Program }

func (p program) Kernel(name string) (fake.Kernel, bool) {
	k := p.Program.Kernel(name)
	return function{k}, k != nil
}

type function struct{ *emulate.Kernel }

func (f function) Facts() (threads, static int) { return f.Threads, f.Shared }

func (f function) Launch(l fake.Launch) error {
	return f.Kernel.Launch(emulate.Launch{Groups: l.Groups, Threads: l.Threads, Buffers: l.Buffers, Shared: l.Shared})
}
