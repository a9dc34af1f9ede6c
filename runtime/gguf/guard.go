package gguf

import (
	"fmt"
	"runtime/debug"
)

// Guard runs fn and turns a memory fault inside f's mapping into an *Error at the byte that could
// not be read: the file was cut short, or its disk failed, while it was mapped. Without it such a
// fault ends the process.
//
// The protection is per goroutine. A worker that touches weights runs its part under Guard itself,
// and so does every goroutine that fn starts; the cost is a few nanoseconds a call. Assembly is
// covered as well as Go. Any other panic, a fault outside the mapping included, goes on as if Guard
// were not there.
//
// Bytes of a cut file that share the last page with bytes that are left read as zero and are not
// noticed.
func (f *File) Guard(fn func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		// The runtime's fault errors have this method, and no other of its errors does.
		fault, ok := p.(interface{ Addr() uintptr })
		if !ok {
			panic(p)
		}
		if err = f.faulted(fault.Addr()); err == nil {
			panic(p)
		}
	}()
	return fn()
}

// faulted is the error for a fault at an address, nil if that is not in the mapping of f or of
// another part.
func (f *File) faulted(at uintptr) error {
	for _, p := range f.parts {
		if err := p.faulted(at); err != nil {
			return err
		}
	}
	if f.base == 0 || at < f.base || at-f.base >= uintptr(f.Size) {
		return nil
	}
	return &Error{
		Offset: int64(at - f.base),
		Field:  "mapped data",
		Got:    "a fault: the file was cut, closed or cannot be read any more",
		Limit:  fmt.Sprintf("the file of %d bytes that was opened", f.Size),
	}
}
