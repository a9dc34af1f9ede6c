package cuda

import "unsafe"

// api is the part of libcuda that is used, by the names of its symbols. Handles are uintptr, device
// memory is uint64, and every function returns a CUresult. It is bound to the library, or in tests
// to a fake.
type api struct {
	Init            func(flags uint32) int32                                                                                 `symbol:"cuInit"`
	DriverVersion   func(version *int32) int32                                                                               `symbol:"cuDriverGetVersion"`
	ErrorName       func(code int32, text **byte) int32                                                                      `symbol:"cuGetErrorName"`
	ErrorText       func(code int32, text **byte) int32                                                                      `symbol:"cuGetErrorString"`
	DeviceCount     func(n *int32) int32                                                                                     `symbol:"cuDeviceGetCount"`
	DeviceGet       func(device *int32, ordinal int32) int32                                                                 `symbol:"cuDeviceGet"`
	DeviceName      func(name *byte, size int32, device int32) int32                                                         `symbol:"cuDeviceGetName"`
	DeviceAttribute func(value *int32, attribute, device int32) int32                                                        `symbol:"cuDeviceGetAttribute"`
	ContextRetain   func(context *uintptr, device int32) int32                                                               `symbol:"cuDevicePrimaryCtxRetain"`
	ContextRelease  func(device int32) int32                                                                                 `symbol:"cuDevicePrimaryCtxRelease_v2"`
	ContextSet      func(context uintptr) int32                                                                              `symbol:"cuCtxSetCurrent"`
	ContextSync     func() int32                                                                                             `symbol:"cuCtxSynchronize"`
	MemoryInfo      func(free, total *uint64) int32                                                                          `symbol:"cuMemGetInfo_v2"`
	Alloc           func(p *uint64, size uint64) int32                                                                       `symbol:"cuMemAlloc_v2"`
	Free            func(p uint64) int32                                                                                     `symbol:"cuMemFree_v2"`
	Write           func(to uint64, from unsafe.Pointer, size uint64, stream uintptr) int32                                  `symbol:"cuMemcpyHtoDAsync_v2"`
	Read            func(to unsafe.Pointer, from uint64, size uint64) int32                                                  `symbol:"cuMemcpyDtoH_v2"`
	Copy            func(to, from uint64, size uint64, stream uintptr) int32                                                 `symbol:"cuMemcpyDtoDAsync_v2"`
	Fill            func(p uint64, value uint8, size uint64, stream uintptr) int32                                           `symbol:"cuMemsetD8Async"`
	ModuleLoad      func(module *uintptr, image unsafe.Pointer) int32                                                        `symbol:"cuModuleLoadData"`
	ModuleUnload    func(module uintptr) int32                                                                               `symbol:"cuModuleUnload"`
	ModuleFunction  func(f *uintptr, module uintptr, name *byte) int32                                                       `symbol:"cuModuleGetFunction"`
	ModuleGlobal    func(p *uint64, size *uint64, module uintptr, n *byte) int32                                             `symbol:"cuModuleGetGlobal_v2"`
	FunctionSet     func(f uintptr, attribute, value int32) int32                                                            `symbol:"cuFuncSetAttribute"`
	FunctionGet     func(value *int32, attribute int32, f uintptr) int32                                                     `symbol:"cuFuncGetAttribute"`
	Occupancy       func(n *int32, f uintptr, threads int32, shared uint64) int32                                            `symbol:"cuOccupancyMaxActiveBlocksPerMultiprocessor"`
	Launch          func(f uintptr, gx, gy, gz, bx, by, bz, shared uint32, stream uintptr, args, extra unsafe.Pointer) int32 `symbol:"cuLaunchKernel"`
	LaunchEx        func(config unsafe.Pointer, f uintptr, args, extra unsafe.Pointer) int32                                 `symbol:"cuLaunchKernelEx"`

	StreamCreate  func(stream *uintptr, flags uint32) int32                `symbol:"cuStreamCreate"`
	StreamDestroy func(stream uintptr) int32                               `symbol:"cuStreamDestroy_v2"`
	StreamSync    func(stream uintptr) int32                               `symbol:"cuStreamSynchronize"`
	Capture       func(stream uintptr, mode int32) int32                   `symbol:"cuStreamBeginCapture_v2"`
	EndCapture    func(stream uintptr, graph *uintptr) int32               `symbol:"cuStreamEndCapture"`
	Instantiate   func(exec *uintptr, graph uintptr, flags uint64) int32   `symbol:"cuGraphInstantiateWithFlags"`
	GraphLaunch   func(exec, stream uintptr) int32                         `symbol:"cuGraphLaunch"`
	GraphDestroy  func(graph uintptr) int32                                `symbol:"cuGraphDestroy"`
	ExecDestroy   func(exec uintptr) int32                                 `symbol:"cuGraphExecDestroy"`
	EventCreate   func(event *uintptr, flags uint32) int32                 `symbol:"cuEventCreate"`
	EventDestroy  func(event uintptr) int32                                `symbol:"cuEventDestroy_v2"`
	EventRecord   func(event, stream uintptr) int32                        `symbol:"cuEventRecord"`
	EventSync     func(event uintptr) int32                                `symbol:"cuEventSynchronize"`
	EventElapsed  func(milliseconds *float32, first, second uintptr) int32 `symbol:"cuEventElapsedTime"`
}

// Attributes of devices and functions, and what Capture takes, from cuda.h.
const (
	multiprocessors  = 16
	cacheBytes       = 38
	majorVersion     = 75
	minorVersion     = 76
	maxSharedOptin   = 97
	registersPer     = 4
	dynamicShared    = 8
	captureThread    = 1
	nonBlockingQueue = 1
)

// compilerAPI is the part of NVRTC that is used.
type compilerAPI struct {
	Version   func(major, minor *int32) int32                                                `symbol:"nvrtcVersion"`
	ErrorText func(code int32) *byte                                                         `symbol:"nvrtcGetErrorString"`
	ArchCount func(n *int32) int32                                                           `symbol:"nvrtcGetNumSupportedArchs"`
	Archs     func(archs *int32) int32                                                       `symbol:"nvrtcGetSupportedArchs"`
	Create    func(p *uintptr, main, name *byte, n int32, texts, names unsafe.Pointer) int32 `symbol:"nvrtcCreateProgram"`
	Destroy   func(p *uintptr) int32                                                         `symbol:"nvrtcDestroyProgram"`
	Compile   func(p uintptr, n int32, options unsafe.Pointer) int32                         `symbol:"nvrtcCompileProgram"`
	LogSize   func(p uintptr, size *uint64) int32                                            `symbol:"nvrtcGetProgramLogSize"`
	Log       func(p uintptr, text *byte) int32                                              `symbol:"nvrtcGetProgramLog"`
	CubinSize func(p uintptr, size *uint64) int32                                            `symbol:"nvrtcGetCUBINSize"`
	Cubin     func(p uintptr, image *byte) int32                                             `symbol:"nvrtcGetCUBIN"`
	PTXSize   func(p uintptr, size *uint64) int32                                            `symbol:"nvrtcGetPTXSize"`
	PTX       func(p uintptr, image *byte) int32                                             `symbol:"nvrtcGetPTX"`
}
