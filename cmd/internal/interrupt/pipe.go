package interrupt

import (
	"os/signal"
	"syscall"
)

// KeepOnPipe has the program go on where somebody who reads from it goes away, as clients of a
// server do: the write alone fails. The system tells of a closed connection by the same signal as
// of a closed standard output.
func KeepOnPipe() { signal.Ignore(syscall.SIGPIPE) }
