package cuda

import (
	"fmt"
	"reflect"
	"unsafe"
)

// fake is a library in Go: functions by the names of their symbols.
type fake struct {
	file    string
	symbols map[string]any
}

func (f fake) Name() string { return f.file }

func (f fake) Bind(fn any, symbol string) error {
	g, ok := f.symbols[symbol]
	if !ok {
		return fmt.Errorf("undefined symbol: %s", symbol)
	}
	reflect.ValueOf(fn).Elem().Set(reflect.ValueOf(g))
	return nil
}

// gpuState is what a fake driver does: device memory is host memory, and kernels do nothing.
type gpuState struct {
	devices int32
	arch    int32
	free    uint64
	fail    map[string]int32 // CUresult by symbol
	memory  map[uint64][]byte
	next    uint64
	calls   map[string]int
}

// fakeDriver is a libcuda with one GPU of 1 GiB.
func fakeDriver() (fake, *gpuState) {
	s := &gpuState{devices: 1, arch: 90, free: 1 << 30, fail: map[string]int32{}, memory: map[uint64][]byte{}, next: 1 << 40, calls: map[string]int{}}
	strings := map[int32]string{}
	str := func(code int32, text string, out **byte) int32 {
		strings[code] = text
		*out = cString(text)
		return 0
	}
	did := func(symbol string) int32 {
		s.calls[symbol]++
		return s.fail[symbol]
	}
	at := func(p uint64) []byte {
		for base, b := range s.memory {
			if p >= base && p < base+uint64(len(b)) {
				return b[p-base:]
			}
		}
		return nil
	}
	all := map[string]any{
		"cuInit":             func(uint32) int32 { return did("cuInit") },
		"cuDriverGetVersion": func(v *int32) int32 { *v = 13000; return 0 },
		"cuGetErrorName":     func(code int32, p **byte) int32 { return str(code, fmt.Sprint("CUDA_ERROR_", code), p) },
		"cuGetErrorString":   func(code int32, p **byte) int32 { return str(code, fmt.Sprint("text of ", code), p) },
		"cuDeviceGetCount":   func(n *int32) int32 { *n = s.devices; return did("cuDeviceGetCount") },
		"cuDeviceGet":        func(d *int32, n int32) int32 { *d = n; return 0 },
		"cuDeviceGetName":    func(p *byte, n, d int32) int32 { copy(unsafe.Slice(p, n), "Fake GPU\x00"); return 0 },
		"cuDeviceGetAttribute": func(v *int32, attribute, d int32) int32 {
			*v = map[int32]int32{majorVersion: s.arch / 10, minorVersion: s.arch % 10, multiprocessors: 4, cacheBytes: 1 << 20}[attribute]
			return 0
		},
		"cuDevicePrimaryCtxRetain":     func(c *uintptr, d int32) int32 { *c = 1; return did("cuDevicePrimaryCtxRetain") },
		"cuDevicePrimaryCtxRelease_v2": func(int32) int32 { return did("cuDevicePrimaryCtxRelease_v2") },
		"cuCtxSetCurrent":              func(uintptr) int32 { return did("cuCtxSetCurrent") },
		"cuMemGetInfo_v2":              func(free, total *uint64) int32 { *free, *total = s.free, 1<<30; return 0 },
		"cuMemAlloc_v2": func(p *uint64, n uint64) int32 {
			if n > s.free {
				return 2
			}
			s.free -= n
			*p = s.next
			s.memory[*p] = make([]byte, n)
			s.next += n + 4096
			return did("cuMemAlloc_v2")
		},
		"cuMemFree_v2": func(p uint64) int32 {
			s.free += uint64(len(s.memory[p]))
			delete(s.memory, p)
			return did("cuMemFree_v2")
		},
		"cuMemcpyHtoDAsync_v2": func(to uint64, from unsafe.Pointer, n uint64, _ uintptr) int32 {
			copy(at(to), unsafe.Slice((*byte)(from), n))
			return did("cuMemcpyHtoDAsync_v2")
		},
		"cuMemcpyDtoH_v2": func(to unsafe.Pointer, from, n uint64) int32 {
			copy(unsafe.Slice((*byte)(to), n), at(from))
			return did("cuMemcpyDtoH_v2")
		},
		"cuMemsetD8Async":     func(uint64, uint8, uint64, uintptr) int32 { return did("cuMemsetD8Async") },
		"cuModuleLoadData":    func(m *uintptr, image unsafe.Pointer) int32 { *m = 7; return did("cuModuleLoadData") },
		"cuStreamCreate":      func(p *uintptr, _ uint32) int32 { *p = 5; return did("cuStreamCreate") },
		"cuStreamSynchronize": func(uintptr) int32 { return did("cuStreamSynchronize") },
	}
	v := reflect.TypeFor[api]()
	for i := range v.NumField() { // the others succeed
		symbol := v.Field(i).Tag.Get("symbol")
		if all[symbol] == nil {
			all[symbol] = reflect.MakeFunc(v.Field(i).Type, func([]reflect.Value) []reflect.Value {
				return []reflect.Value{reflect.ValueOf(did(symbol))}
			}).Interface()
		}
	}
	return fake{"libfake.so", all}, s
}
