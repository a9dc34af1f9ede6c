package cuda

import (
	"runtime"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/gpu"
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

// programmaticSerialization is the attribute by which a launch does not wait for the one before it
// to end.
const programmaticSerialization = 6

// launchEarly launches a kernel that waits by itself.
func (f *kernel) launchEarly(g gpu.Grid, args unsafe.Pointer) int32 {
	a := &launchAttribute{id: programmaticSerialization}
	a.value[0] = 1
	d := f.m.d
	c := &launchConfig{gridX: uint32(g.X), gridY: uint32(g.Y), gridZ: 1, blockX: uint32(g.Threads), blockY: 1, blockZ: 1, shared: uint32(g.Shared), stream: d.stream, count: 1}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(a)
	pin.Pin(c)
	c.attributes = unsafe.Pointer(a)
	return d.api.LaunchEx(unsafe.Pointer(c), f.handle, args, nil)
}
