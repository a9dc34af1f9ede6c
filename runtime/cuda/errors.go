package cuda

import "fmt"

// Error is a call of the driver that failed.
type Error struct {
	Call string // what was being done, with its size or name: "allocating 12.0 GiB on NVIDIA H200"
	Code int    // CUresult
	Name string // CUDA_ERROR_OUT_OF_MEMORY
	Text string // what the driver says
}

func (e *Error) Error() string {
	what := e.Text
	switch {
	case e.OutOfMemory():
		what = "the GPU has too little free memory"
	case e.Code == 214:
		what = "the GPU reports an uncorrectable memory (ECC) error; it has to be reset before it can be used again"
	case e.Lost():
		what = "the GPU was lost, or a kernel failed on it (" + e.Text + "); nothing that was in its memory can be used"
	}
	return fmt.Sprintf("cuda: %s: %s (%s)", e.Call, what, e.Name)
}

// OutOfMemory reports that there was too little memory on the device.
func (e *Error) OutOfMemory() bool { return e.Code == 2 }

// Lost reports that the context is gone: every further call will fail too.
func (e *Error) Lost() bool {
	switch e.Code {
	case 46, 201, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 999:
		return true
	}
	return false
}

// check makes an error of a CUresult; what is a format for what was being done.
func (a *api) check(code int32, what string, args ...any) error {
	if code == 0 {
		return nil
	}
	e := &Error{Call: fmt.Sprintf(what, args...), Code: int(code)}
	var p *byte
	if a.ErrorName(code, &p) == 0 {
		e.Name = text(p)
	}
	if a.ErrorText(code, &p) == 0 {
		e.Text = text(p)
	}
	if e.Name == "" {
		e.Name = fmt.Sprint("CUresult ", code)
	}
	return e
}
