// Package memory asks the system for memory before Go does. If the system refuses memory to Go, the
// program ends with a trace of all goroutines, which nothing can catch. So large amounts are asked
// for here first, when their size is known, and given back at once.
//
// A program that can load libraries needs 1.7 GB of address space (ulimit -v) before it does
// anything: Go reserves 1.1 GiB for its tables, and the C library 64 MiB for each thread. Below 1.5
// GB that fails before main, and nothing here can put it in words.
package memory

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Smallest is the least number of bytes that is worth a question.
const Smallest = 32 << 20

// arena is the address space that Go takes at a time, and what it keeps beside it.
const arena = 80 << 20

// Refused is memory that the system would not give.
type Refused struct {
	What  string // that needs it
	Bytes int64
	Has   int64 // bytes of the machine, with what it swaps; 0 where they are not what refuses
	Group bool  // Has is the limit of a control group, as of a container
}

func (r *Refused) Error() string {
	switch {
	case r.Group:
		return fmt.Sprintf("%s takes %s of memory, and the limit of this container or control group is %s", r.What, amount(r.Bytes), amount(r.Has))
	case r.Has > 0:
		return fmt.Sprintf("%s takes %s of memory, and the machine has %s", r.What, amount(r.Bytes), amount(r.Has))
	}
	return fmt.Sprintf("%s takes %s of memory, which the system refuses: there is a limit (ulimit -v), or too little is left", r.What, amount(r.Bytes))
}

func amount(bytes int64) string {
	const mega, giga = 1 << 20, 1 << 30
	if bytes < giga {
		return fmt.Sprintf("%.0f MiB", float64(bytes)/mega)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/giga)
}

// Room fails with a *Refused where the system does not give so many bytes to what is about to
// allocate them.
func Room(what string, bytes int64) error {
	if bytes < Smallest {
		return nil
	}
	if has := total(); has > 0 && bytes > has {
		return &Refused{What: what, Bytes: bytes, Has: has}
	}
	// the system gives it, and ends the program where it is used
	if most := contained(); most > 0 && bytes > most {
		return &Refused{What: what, Bytes: bytes, Has: most, Group: true}
	}
	if given(bytes + bytes/32 + arena) { // what Go keeps about memory is in it
		return nil
	}
	// Memory that Go has and does not use will do, too.
	debug.FreeOSMemory()
	var s runtime.MemStats
	if runtime.ReadMemStats(&s); int64(s.HeapIdle) > bytes+bytes/8 {
		return nil
	}
	return &Refused{What: what, Bytes: bytes}
}
