package cuda

import (
	"runtime"
	"unsafe"
)

// launchConfig and launchAttribute are CUlaunchConfig and CUlaunchAttribute of cuda.h.
type launchConfig struct {
	gridX, gridY, gridZ, blockX, blockY, blockZ, shared uint32
	stream                                              uintptr
	attributes                                          unsafe.Pointer
	count                                               uint32
}

type launchAttribute struct {
	id    int32
	_     int32
	value [64]byte
}

// programmaticSerialization is the attribute by which a launch does not wait for the one before it to end.
const programmaticSerialization = 6

// launchEarly is launch of a kernel that waits by itself.
func (f *Function) launchEarly(x, y, threads, shared int, args unsafe.Pointer) error {
	a := &launchAttribute{id: programmaticSerialization}
	a.value[0] = 1
	d := f.m.d
	c := &launchConfig{gridX: uint32(x), gridY: uint32(y), gridZ: 1, blockX: uint32(threads), blockY: 1, blockZ: 1, shared: uint32(shared), stream: d.stream, count: 1}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(a)
	pin.Pin(c)
	c.attributes = unsafe.Pointer(a)
	return d.do(func() error {
		return d.api.check(d.api.LaunchEx(unsafe.Pointer(c), f.handle, args, nil),
			"launching %s of %s, %dx%d blocks of %d threads", f.name, f.m.name, x, y, threads)
	})
}
