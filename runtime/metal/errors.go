package metal

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// Error is something that Metal could not do.
type Error struct {
	Call   string // what was being done, with its size or name
	Domain string // MTLCommandBufferErrorDomain
	Code   int
	Text   string // what the system says
}

// commands is the domain of errors of command buffers.
const commands = "MTLCommandBufferErrorDomain"

// reasons are the errors of command buffers in other words, by MTLCommandBufferError.
var reasons = map[int]string{
	1:  "the system's driver failed",
	2:  "a kernel ran longer than the system lets the GPU be taken, and was stopped",
	3:  "a kernel read or wrote memory that is not its own",
	4:  "the system took the GPU away from this program, since it failed too often",
	7:  "the system does not let this program use the GPU, for one that it runs in the background",
	8:  "memory ran out while kernels ran: other programs need it; a shorter context (-c) or fewer layers (-ngl) need less",
	9:  "a kernel used memory that was given back",
	11: "the GPU was removed",
	12: "a kernel's stack overflowed",
}

func (e *Error) Error() string {
	what := e.Text
	if e.Domain == commands {
		if reason := reasons[e.Code]; reason != "" {
			what = reason + " (" + e.Text + ")"
		}
		what += "; nothing that was in the GPU's memory can be used"
	}
	return fmt.Sprintf("metal: %s: %s (%s %d)", e.Call, what, e.Domain, e.Code)
}

// OutOfMemory reports that memory ran out.
func (e *Error) OutOfMemory() bool { return e.Domain == commands && e.Code == 8 }

// failed makes an error of an NSError, which may be nil; what is a format for what was being done.
func (d *Device) failed(e objc.ID, what string, args ...any) error {
	err := &Error{Call: fmt.Sprintf(what, args...), Domain: "no NSError", Text: "the system gives no reason"}
	if e != 0 {
		err.Domain, err.Code, err.Text = d.text(d.api.ErrorDomain(e)), int(d.api.ErrorCode(e)), d.text(d.api.ErrorText(e))
	}
	return err
}
