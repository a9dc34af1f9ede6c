//go:build emulate

package emulate

import (
	"bytes"
	"fmt"
	"sync"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/internal/fibres"
)

// What the device is.
const (
	arch            = 90
	multiprocessors = 4
	sharedDefault   = 48 << 10  // dynamic shared memory that needs no permission
	sharedMost      = 227 << 10 // and that can be permitted
)

// Results of the driver, from cuda.h.
const (
	invalidValue       = 1
	outOfMemory        = 2
	invalidImage       = 200
	invalidHandle      = 400
	notFound           = 500
	illegalAddress     = 700
	captureUnsupported = 900
	captureInvalidated = 901
)

var codeNames = map[int32]string{
	invalidValue: "INVALID_VALUE", outOfMemory: "OUT_OF_MEMORY", invalidImage: "INVALID_IMAGE", invalidHandle: "INVALID_HANDLE",
	notFound: "NOT_FOUND", illegalAddress: "ILLEGAL_ADDRESS", captureUnsupported: "STREAM_CAPTURE_UNSUPPORTED", captureInvalidated: "STREAM_CAPTURE_INVALIDATED",
}

// driver is the state of one emulated device.
type driver struct {
	sync.Mutex
	memory    fibres.Memory
	modules   map[uintptr]*module
	functions map[uintptr]*function
	streams   map[uintptr]*stream
	graphs    map[uintptr]*graph // and what they were instantiated to
	events    map[uintptr]*event
	next      uintptr

	lost error            // the kernel that failed; nothing works after it
	last map[int32]string // what was wrong when a code was last given
}

// Driver is a libcuda with one device. Every call makes a device of its own.
func Driver() *Library {
	d := &driver{
		modules: map[uintptr]*module{}, functions: map[uintptr]*function{}, streams: map[uintptr]*stream{0: {}},
		graphs: map[uintptr]*graph{}, events: map[uintptr]*event{}, next: 1, last: map[int32]string{},
	}
	all := map[string]any{
		"cuInit":                       func(uint32) int32 { return 0 },
		"cuDriverGetVersion":           func(v *int32) int32 { *v = 13000; return 0 },
		"cuGetErrorName":               func(code int32, p **byte) int32 { *p = cString("CUDA_ERROR_" + codeNames[code]); return 0 },
		"cuGetErrorString":             d.errorText,
		"cuDeviceGetCount":             func(n *int32) int32 { *n = 1; return 0 },
		"cuDeviceGet":                  func(device *int32, n int32) int32 { *device = n; return 0 },
		"cuDeviceGetName":              func(p *byte, n, _ int32) int32 { copy(unsafe.Slice(p, n), "Emulated GPU\x00"); return 0 },
		"cuDeviceGetAttribute":         d.attribute,
		"cuDevicePrimaryCtxRetain":     func(c *uintptr, _ int32) int32 { *c = 1; return 0 },
		"cuDevicePrimaryCtxRelease_v2": func(int32) int32 { return 0 },
		"cuCtxSetCurrent":              func(uintptr) int32 { return 0 },
	}
	for _, part := range []map[string]any{d.memoryCalls(), d.moduleCalls(), d.streamCalls()} {
		for symbol, f := range part {
			all[symbol] = f
		}
	}
	return &Library{"emulated driver", all}
}

func (d *driver) handle() uintptr { d.next++; return d.next - 1 }

// fail keeps what a code means this time, for cuGetErrorString.
func (d *driver) fail(code int32, text string, args ...any) int32 {
	d.last[code] = fmt.Sprintf(text, args...)
	return code
}

func (d *driver) errorText(code int32, p **byte) int32 {
	d.Lock()
	defer d.Unlock()
	text := d.last[code]
	if text == "" {
		text = codeNames[code]
	}
	*p = cString(text)
	return 0
}

func (d *driver) attribute(v *int32, attribute, _ int32) int32 {
	*v = map[int32]int32{1: 1024, 8: sharedDefault, 10: 32, 12: 64 << 10, 16: multiprocessors, 38: 1 << 20, 39: 2048, 75: arch / 10, 76: arch % 10, 81: 228 << 10, 97: sharedMost}[attribute]
	return 0
}

// locked begins a call that a lost device refuses.
func (d *driver) locked(f func() int32) int32 {
	d.Lock()
	defer d.Unlock()
	if d.lost != nil {
		return d.fail(illegalAddress, "%v", d.lost)
	}
	return f()
}

// waiting begins a call that must not be made while a stream is captured; it spoils the capture.
func (d *driver) waiting(call string, f func() int32) int32 {
	return d.locked(func() int32 {
		for _, s := range d.streams {
			if s.capture != nil {
				s.spoiled = true
				return d.fail(captureUnsupported, "%s while launches are captured", call)
			}
		}
		return f()
	})
}

// queue does something in the order of a stream: at once, or when the graph is launched.
func (d *driver) queue(handle uintptr, what func() int32) int32 {
	s := d.streams[handle]
	switch {
	case s == nil:
		return d.fail(invalidHandle, "there is no stream %d", handle)
	case s.spoiled:
		return d.fail(captureInvalidated, "the capture has failed before")
	case s.capture != nil:
		s.capture.nodes = append(s.capture.nodes, what)
		return 0
	}
	return what()
}

func (d *driver) outside(call string, at, size uint64) int32 {
	return d.fail(invalidValue, "%s of %d bytes at %#x: %s", call, size, at, d.memory.Describe(at))
}

func (d *driver) memoryCalls() map[string]any {
	write := func(to uint64, from unsafe.Pointer, n uint64) int32 {
		b := d.memory.Bytes(to, n)
		if b == nil {
			return d.outside("a copy to the device", to, n)
		}
		copy(b, unsafe.Slice((*byte)(from), n))
		return 0
	}
	read := func(to unsafe.Pointer, from, n uint64) int32 {
		b := d.memory.Bytes(from, n)
		if b == nil {
			return d.outside("a copy from the device", from, n)
		}
		copy(unsafe.Slice((*byte)(to), n), b)
		return 0
	}
	copyWithin := func(to, from, n uint64, stream uintptr) int32 {
		return d.locked(func() int32 {
			return d.queue(stream, func() int32 {
				a, b := d.memory.Bytes(to, n), d.memory.Bytes(from, n)
				if a == nil {
					return d.outside("a copy to", to, n)
				}
				if b == nil {
					return d.outside("a copy from", from, n)
				}
				copy(a, b)
				return 0
			})
		})
	}
	fill := func(at uint64, pattern []byte, count uint64, stream uintptr) int32 {
		return d.locked(func() int32 {
			return d.queue(stream, func() int32 {
				n := count * uint64(len(pattern))
				b := d.memory.Bytes(at, n)
				if b == nil {
					return d.outside("a fill", at, n)
				}
				if len(pattern) == 1 && pattern[0] == 0 {
					clear(b)
				} else {
					copy(b, bytes.Repeat(pattern, int(count)))
				}
				return 0
			})
		})
	}
	return map[string]any{
		"cuMemGetInfo_v2": func(free, total *uint64) int32 {
			return d.locked(func() int32 { *free, *total = fibres.Total-d.memory.Used, fibres.Total; return 0 })
		},
		"cuMemAlloc_v2": func(p *uint64, size uint64) int32 {
			return d.waiting("cuMemAlloc", func() int32 {
				if size == 0 {
					return d.fail(invalidValue, "no bytes are asked for")
				}
				var ok bool
				if *p, ok = d.memory.Alloc(size); !ok {
					return d.fail(outOfMemory, "%d bytes are not to be had", size)
				}
				return 0
			})
		},
		"cuMemFree_v2": func(p uint64) int32 {
			return d.waiting("cuMemFree", func() int32 {
				if p == 0 {
					return 0
				}
				if !d.memory.Free(p) {
					return d.fail(invalidValue, "nothing was allocated at %#x: %s", p, d.memory.Describe(p))
				}
				return 0
			})
		},
		"cuMemcpyHtoD_v2": func(to uint64, from unsafe.Pointer, n uint64) int32 {
			return d.waiting("cuMemcpyHtoD", func() int32 { return write(to, from, n) })
		},
		"cuMemcpyDtoH_v2": func(to unsafe.Pointer, from, n uint64) int32 {
			return d.waiting("cuMemcpyDtoH", func() int32 { return read(to, from, n) })
		},
		// Memory of Go may have moved or be gone when a graph is launched, so that a captured copy
		// from it or to it is a mistake here.
		"cuMemcpyHtoDAsync_v2": func(to uint64, from unsafe.Pointer, n uint64, stream uintptr) int32 {
			if d.capturing(stream) {
				return d.waiting("cuMemcpyHtoDAsync from memory of the host", nil)
			}
			return d.locked(func() int32 { return d.queue(stream, func() int32 { return write(to, from, n) }) })
		},
		"cuMemcpyDtoHAsync_v2": func(to unsafe.Pointer, from, n uint64, stream uintptr) int32 {
			if d.capturing(stream) {
				return d.waiting("cuMemcpyDtoHAsync to memory of the host", nil)
			}
			return d.locked(func() int32 { return d.queue(stream, func() int32 { return read(to, from, n) }) })
		},
		"cuMemcpyDtoDAsync_v2": copyWithin,
		"cuMemsetD8Async": func(at uint64, v uint8, n uint64, stream uintptr) int32 {
			return fill(at, []byte{v}, n, stream)
		},
		"cuMemsetD32Async": func(at uint64, v uint32, n uint64, stream uintptr) int32 {
			return fill(at, []byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)}, n, stream)
		},
	}
}
