// Package memory asks the system for memory before Go does. Go ends the program with a trace of all goroutines where the system
// refuses memory, which nothing can catch, so that what is large is asked for here first, when its size is known, and given
// back at once.
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
}

func (r *Refused) Error() string {
	if r.Has > 0 {
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

// Room fails with a *Refused where the system does not give so many bytes to what is about to allocate them.
func Room(what string, bytes int64) error {
	if bytes < Smallest {
		return nil
	}
	if has := total(); has > 0 && bytes > has {
		return &Refused{what, bytes, has}
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
