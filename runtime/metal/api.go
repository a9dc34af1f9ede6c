package metal

import (
	"fmt"
	"reflect"
	"strings"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// api is the part of Metal and Foundation that is used: messages by their selectors, functions of C
// by their symbols. The first argument of a message is the object that it is sent to. Objects that
// come from new, alloc, copy and init are the caller's to release; others live until the pool ends.
// Package fake has what each must look like, from Apple's documentation.
type api struct {
	PoolPush    func() uintptr                                                          `symbol:"objc_autoreleasePoolPush"`
	PoolPop     func(pool uintptr)                                                      `symbol:"objc_autoreleasePoolPop"`
	AllDevices  func() objc.ID                                                          `symbol:"MTLCopyAllDevices"`
	EntryByID   func(id uint64) objc.ID                                                 `symbol:"IORegistryEntryIDMatching"`
	Service     func(port uint32, matching objc.ID) uint32                              `symbol:"IOServiceGetMatchingService"`
	Property    func(entry uint32, key, allocator objc.ID, options uint32) objc.ID      `symbol:"IORegistryEntryCreateCFProperty"`
	ReleasePort func(entry uint32) int32                                                `symbol:"IOObjectRelease"`
	Retain      func(o objc.ID) objc.ID                                                 `selector:"retain"`
	Release     func(o objc.ID)                                                         `selector:"release"`
	Alloc       func(class objc.ID) objc.ID                                             `selector:"alloc"`
	New         func(class objc.ID) objc.ID                                             `selector:"new"`
	Responds    func(o objc.ID, s objc.SEL) bool                                        `selector:"respondsToSelector:"`
	Count       func(array objc.ID) uint64                                              `selector:"count"`
	At          func(array objc.ID, i uint64) objc.ID                                   `selector:"objectAtIndex:"`
	ArrayOf     func(class, o objc.ID) objc.ID                                          `selector:"arrayWithObject:"`
	Number      func(number objc.ID) uint64                                             `selector:"unsignedLongLongValue"`
	InitString  func(s objc.ID, text unsafe.Pointer, n uint64, encoding uint64) objc.ID `selector:"initWithBytes:length:encoding:"`
	UTF8        func(s objc.ID) *byte                                                   `selector:"UTF8String"`
	FileURL     func(class, path objc.ID) objc.ID                                       `selector:"fileURLWithPath:"`
	ErrorCode   func(e objc.ID) int64                                                   `selector:"code"`
	ErrorDomain func(e objc.ID) objc.ID                                                 `selector:"domain"`
	ErrorText   func(e objc.ID) objc.ID                                                 `selector:"localizedDescription"`

	ProcessInfo   func(class objc.ID) objc.ID                                `selector:"processInfo"`
	AtLeast       func(info objc.ID, v objc.Version) bool                    `selector:"isOperatingSystemAtLeastVersion:"`
	SystemVersion func(info objc.ID) objc.ID                                 `selector:"operatingSystemVersionString"`
	BeginActivity func(info objc.ID, options uint64, reason objc.ID) objc.ID `selector:"beginActivityWithOptions:reason:"`
	EndActivity   func(info, activity objc.ID)                               `selector:"endActivity:"`

	Name         func(device objc.ID) objc.ID            `selector:"name"`
	RegistryID   func(device objc.ID) uint64             `selector:"registryID"`
	Supports     func(device objc.ID, family int64) bool `selector:"supportsFamily:"`
	WorkingSet   func(device objc.ID) uint64             `selector:"recommendedMaxWorkingSetSize"`
	LongestPiece func(device objc.ID) uint64             `selector:"maxBufferLength"`
	Allocated    func(device objc.ID) uint64             `selector:"currentAllocatedSize"`
	GroupMemory  func(device objc.ID) uint64             `selector:"maxThreadgroupMemoryLength"`

	NewQueue     func(device objc.ID) objc.ID                                                                    `selector:"newCommandQueue"`
	NewFence     func(device objc.ID) objc.ID                                                                    `selector:"newFence"`
	NewBuffer    func(device objc.ID, bytes, options uint64) objc.ID                                             `selector:"newBufferWithLength:options:"`
	NewResidency func(device, descriptor objc.ID, e *objc.ID) objc.ID                                            `selector:"newResidencySetWithDescriptor:error:"`
	NewLibrary   func(device, source, options objc.ID, e *objc.ID) objc.ID                                       `selector:"newLibraryWithSource:options:error:"`
	NewArchive   func(device, descriptor objc.ID, e *objc.ID) objc.ID                                            `selector:"newBinaryArchiveWithDescriptor:error:"`
	NewPipeline  func(device, descriptor objc.ID, options uint64, reflection unsafe.Pointer, e *objc.ID) objc.ID `selector:"newComputePipelineStateWithDescriptor:options:reflection:error:"`
	Contents     func(buffer objc.ID) unsafe.Pointer                                                             `selector:"contents"`
	Address      func(buffer objc.ID) uint64                                                                     `selector:"gpuAddress"`
	NewFunction  func(library, name objc.ID) objc.ID                                                             `selector:"newFunctionWithName:"`
	SetFastMath  func(options objc.ID, on bool)                                                                  `selector:"setFastMathEnabled:"`
	SetMathMode  func(options objc.ID, mode int64)                                                               `selector:"setMathMode:"`
	SetLanguage  func(options objc.ID, version uint64)                                                           `selector:"setLanguageVersion:"`
	SetFunction  func(descriptor, function objc.ID)                                                              `selector:"setComputeFunction:"`
	SetArchives  func(descriptor, archives objc.ID)                                                              `selector:"setBinaryArchives:"`
	SetURL       func(descriptor, url objc.ID)                                                                   `selector:"setUrl:"`
	AddToArchive func(archive, descriptor objc.ID, e *objc.ID) bool                                              `selector:"addComputePipelineFunctionsWithDescriptor:error:"`
	WriteArchive func(archive, url objc.ID, e *objc.ID) bool                                                     `selector:"serializeToURL:error:"`
	MostThreads  func(pipeline objc.ID) uint64                                                                   `selector:"maxTotalThreadsPerThreadgroup"`
	StaticMemory func(pipeline objc.ID) uint64                                                                   `selector:"staticThreadgroupMemoryLength"`

	AddResident     func(set, buffer objc.ID) `selector:"addAllocation:"`
	RemoveResident  func(set, buffer objc.ID) `selector:"removeAllocation:"`
	RequestResident func(set objc.ID)         `selector:"requestResidency"`
	EndResident     func(set objc.ID)         `selector:"endResidency"`
	AddSet          func(queue, set objc.ID)  `selector:"addResidencySet:"`

	NewCommands    func(queue objc.ID) objc.ID                                        `selector:"commandBuffer"`
	Commit         func(commandsOrSet objc.ID)                                        `selector:"commit"`
	WaitCompleted  func(commands objc.ID)                                             `selector:"waitUntilCompleted"`
	Status         func(commands objc.ID) uint64                                      `selector:"status"`
	CommandsError  func(commands objc.ID) objc.ID                                     `selector:"error"`
	Compute        func(commands objc.ID, dispatch uint64) objc.ID                    `selector:"computeCommandEncoderWithDispatchType:"`
	Blit           func(commands objc.ID) objc.ID                                     `selector:"blitCommandEncoder"`
	WaitFence      func(encoder, fence objc.ID)                                       `selector:"waitForFence:"`
	UpdateFence    func(encoder, fence objc.ID)                                       `selector:"updateFence:"`
	UseResources   func(encoder objc.ID, all unsafe.Pointer, n uint64, usage uint64)  `selector:"useResources:count:usage:"`
	SetPipeline    func(encoder, pipeline objc.ID)                                    `selector:"setComputePipelineState:"`
	SetBuffer      func(encoder, buffer objc.ID, offset, index uint64)                `selector:"setBuffer:offset:atIndex:"`
	SetOffset      func(encoder objc.ID, offset, index uint64)                        `selector:"setBufferOffset:atIndex:"`
	SetGroupMemory func(encoder objc.ID, bytes, index uint64)                         `selector:"setThreadgroupMemoryLength:atIndex:"`
	Barrier        func(encoder objc.ID, scope uint64)                                `selector:"memoryBarrierWithScope:"`
	Dispatch       func(encoder objc.ID, groups, threads objc.Size)                   `selector:"dispatchThreadgroups:threadsPerThreadgroup:"`
	CopyBytes      func(encoder, from objc.ID, at uint64, to objc.ID, toAt, n uint64) `selector:"copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:"`
	Fill           func(encoder, buffer objc.ID, r objc.Range, value uint8)           `selector:"fillBuffer:range:value:"`
	EndEncoding    func(encoder objc.ID)                                              `selector:"endEncoding"`
}

// Constants of Metal's and Foundation's headers.
const (
	utf8               = 4
	familyApple7       = 1007
	familyApple10      = 1010
	untracked          = 1 << 8 // MTLResourceHazardTrackingModeUntracked, storage mode shared
	mathSafe           = 0
	dispatchConcurrent = 1
	scopeBuffers       = 1
	usageReadWrite     = 1 | 2
	statusCompleted    = 4
	failOnMiss         = 1 << 2 // MTLPipelineOptionFailOnBinaryArchiveMiss
	statusError        = 5
	// NSActivityUserInitiated, which keeps the machine from going to sleep by itself
	userInitiated = 0x00ffffff | 1<<20
)

// bind fills all fields. The error names what the system lacks.
func (a *api) bind(r objc.Runtime) error {
	v := reflect.ValueOf(a).Elem()
	var missing []string
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		bind, name := r.Call, tag.Get("symbol")
		if name == "" {
			bind, name = r.Send, tag.Get("selector")
		}
		if err := bind(v.Field(i).Addr().Interface(), name); err != nil {
			missing = append(missing, err.Error())
		}
	}
	if missing != nil {
		return fmt.Errorf("metal: %s", strings.Join(missing, "; "))
	}
	return nil
}

// newString makes a string of Objective-C, which the caller releases.
func (d *Device) newString(text string) objc.ID {
	b := append([]byte(text), 0) // of an empty text too there is a first byte
	return d.api.InitString(d.api.Alloc(d.runtime.Class("NSString")), unsafe.Pointer(&b[0]), uint64(len(text)), utf8)
}

// text is a string of Objective-C as Go has it.
func (d *Device) text(s objc.ID) string {
	p := d.api.UTF8(s)
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}
