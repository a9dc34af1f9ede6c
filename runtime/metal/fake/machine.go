package fake

import (
	"errors"
	"fmt"
	"unsafe"
)

// Machine is what runs kernels.
type Machine interface {
	// Alloc gives memory as the processor and as kernels see it.
	Alloc(bytes uint64) (host unsafe.Pointer, address uint64, err error)
	Free(address uint64) error
	// Compile compiles one text. The error is what the compiler says.
	Compile(text string) (Program, error)
}

// Program is a compiled text.
type Program interface {
	Kernel(name string) (Kernel, bool)
}

// Kernel is a function of a program.
type Kernel interface {
	Facts() (threads, static int) // that a group may have, bytes that it declares
	Launch(Launch) error
}

// Launch is how a kernel is started.
type Launch struct {
	Groups, Threads [3]uint32
	Buffers         []uint64 // addresses, by index
	Shared          []int    // bytes of threadgroup memory, by index
}

// Functions is a machine whose kernels are functions of Go. Any text compiles that does not contain
// #error.
type Functions struct {
	Kernels map[string]func(m *Functions, l Launch) error
	Threads int // that a group may have; 0 for 1024

	pieces map[uint64][]byte // by address
	next   uint64
	texts  []string // that were compiled
}

// Texts are the programs that were compiled.
func (m *Functions) Texts() []string { return m.texts }

// Alloc gives memory whose two addresses differ.
func (m *Functions) Alloc(bytes uint64) (unsafe.Pointer, uint64, error) {
	if m.pieces == nil {
		m.pieces, m.next = map[uint64][]byte{}, 1<<40
	}
	b := make([]byte, bytes)
	for i := range b {
		b[i] = 0xff
	}
	at := m.next
	m.pieces[at] = b
	m.next += (bytes + 511) &^ 255
	return unsafe.Pointer(&b[0]), at, nil
}

// Free forgets memory.
func (m *Functions) Free(address uint64) error {
	if m.pieces[address] == nil {
		return errors.New("no memory")
	}
	delete(m.pieces, address)
	return nil
}

// At is memory from an address on, for kernels.
func (m *Functions) At(address uint64) []byte {
	for at, b := range m.pieces {
		if address >= at && address < at+uint64(len(b)) {
			return b[address-at:]
		}
	}
	return nil
}

// Compile keeps the text.
func (m *Functions) Compile(text string) (Program, error) {
	m.texts = append(m.texts, text)
	line := 1
	for i := range text {
		if len(text)-i >= 6 && text[i:i+6] == "#error" {
			return nil, fmt.Errorf("program_source:%d:2: error: stopped", line)
		}
		if text[i] == '\n' {
			line++
		}
	}
	return m, nil
}

// Kernel finds a function.
func (m *Functions) Kernel(name string) (Kernel, bool) {
	f, ok := m.Kernels[name]
	return function{m, f}, ok
}

type function struct {
	m *Functions
	f func(*Functions, Launch) error
}

func (f function) Facts() (threads, static int) {
	if f.m.Threads != 0 {
		return f.m.Threads, 0
	}
	return 1024, 0
}

func (f function) Launch(l Launch) error { return f.f(f.m, l) }
