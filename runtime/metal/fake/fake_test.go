package fake

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// TestDeclarations holds what messages do to the list of them.
func TestDeclarations(t *testing.T) {
	all := declared()
	if len(all) < 60 {
		t.Fatalf("%d declarations", len(all))
	}
	m, known := methods(), map[string]bool{}
	for _, d := range all {
		name := d.class + "." + d.selector
		known[name] = true
		if d.class == "C" && functions[d.selector] == nil || d.class != "C" && m[name] == nil {
			t.Errorf("%s does nothing", name)
		}
		if n := strings.Count(d.selector, ":"); d.class != "C" && n != len(d.args) {
			t.Errorf("%s has %d arguments", name, len(d.args))
		}
	}
	for name := range m {
		if !known[name] {
			t.Errorf("%s is not declared", name)
		}
	}
}

// TestForms binds funcs that are not what is declared.
func TestForms(t *testing.T) {
	s := New(15, &Functions{})
	var right func(device objc.ID, bytes, options uint64) objc.ID
	if err := s.Send(&right, "newBufferWithLength:options:"); err != nil {
		t.Error(err)
	}
	var few func(device objc.ID, bytes uint64) objc.ID
	var narrow func(device objc.ID, bytes uint64, options uint32) objc.ID
	var signed func(device objc.ID, bytes int64, options uint64) objc.ID
	var none func(device objc.ID, bytes, options uint64)
	var word func(device objc.ID, bytes, options uint64) uint64
	for _, fn := range []any{&few, &narrow, &signed, &none, &word} {
		if err := s.Send(fn, "newBufferWithLength:options:"); err == nil {
			t.Errorf("%T is taken", fn)
		}
	}
	for _, name := range []string{"newBufferWithLength:", "MTLCopyAllDevices"} {
		if err := s.Send(&right, name); err == nil {
			t.Errorf("the message %s is sent", name)
		}
	}
	var call func() objc.ID
	if err := s.Call(&call, "newFence"); err == nil {
		t.Error("a message is called as a function")
	}
}

// scene is a device with what a kernel needs.
type scene struct {
	*System
	device, queue, fence, pipeline, buffer, commands objc.ID
}

func (s *scene) send(to objc.ID, selector string, args ...any) objc.ID {
	id, _ := s.message(selector, to, args).(objc.ID)
	return id
}

func newScene(major int64) *scene {
	s := &scene{System: New(major, &Functions{Kernels: map[string]func(*Functions, Launch) error{"k": func(*Functions, Launch) error { return nil }}})}
	functions["objc_autoreleasePoolPush"](s.System, nil)
	s.device = s.objects[functions["MTLCopyAllDevices"](s.System, nil).(objc.ID)].data.([]*object)[0].id
	s.queue, s.fence = s.send(s.device, "newCommandQueue"), s.send(s.device, "newFence")
	options := s.add("MTLCompileOptions", &descriptor{exact: true, language: 3 << 16})
	var e objc.ID
	l := s.send(s.device, "newLibraryWithSource:options:error:", s.add("NSString", "text").id, options.id, &e)
	d := s.add("MTLComputePipelineDescriptor", &descriptor{})
	s.send(d.id, "setComputeFunction:", s.send(l, "newFunctionWithName:", s.add("NSString", "k").id))
	s.pipeline = s.send(s.device, "newComputePipelineStateWithDescriptor:options:reflection:error:", d.id, uint64(0), unsafe.Pointer(nil), &e)
	s.buffer = s.send(s.device, "newBufferWithLength:options:", uint64(1024), uint64(1<<8))
	s.commands = s.send(s.queue, "commandBuffer")
	return s
}

func (s *scene) encoder() objc.ID {
	return s.send(s.commands, "computeCommandEncoderWithDispatchType:", uint64(1))
}

func (s *scene) ready() objc.ID {
	e := s.encoder()
	s.send(e, "setComputePipelineState:", s.pipeline)
	s.send(e, "setBuffer:offset:atIndex:", s.buffer, uint64(0), uint64(0))
	return e
}

func (s *scene) dispatch(e objc.ID) {
	s.send(e, "dispatchThreadgroups:threadsPerThreadgroup:", objc.Size{Width: 1, Height: 1, Depth: 1}, objc.Size{Width: 32, Height: 1, Depth: 1})
}

func (s *scene) end(e objc.ID) {
	s.send(e, "endEncoding")
	s.send(s.commands, "commit")
	s.send(s.commands, "waitUntilCompleted")
}

// TestMistakes makes each mistake that the fake is for. The first is none.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(s *scene)
		want string // "" for none
	}{
		{"no mistake", func(s *scene) { e := s.ready(); s.dispatch(e); s.end(e) }, ""},
		{"messages to nil", func(s *scene) { s.send(0, "commit") }, ""},
		{"a message of another class", func(s *scene) { s.send(s.queue, "commit") }, "unrecognized selector commit sent to MTLCommandQueue"},
		{"a message to the class", func(s *scene) { s.send(s.device, "alloc") }, "unrecognized selector alloc"},
		{"a class of a later system", func(s *scene) { s.Major = 13; s.Class("MTLResidencySetDescriptor") }, "no class MTLResidencySetDescriptor in macOS 13"},
		{"a message of a later system", func(s *scene) { s.Major = 12; s.send(s.buffer, "gpuAddress") }, "unrecognized selector gpuAddress"},
		{"an argument of another class", func(s *scene) { s.send(s.encoder(), "setComputePipelineState:", s.fence) }, "argument 0 is MTLComputePipelineState: MTLFence"},
		{"use after release", func(s *scene) { s.send(s.fence, "release"); s.send(s.encoder(), "waitForFence:", s.fence) }, "the MTLFence"},
		{"released twice", func(s *scene) { s.send(s.fence, "release"); s.send(s.fence, "release") }, "was released"},
		{"no object", func(s *scene) { s.send(77, "release") }, "there is no object 0x4d"},
		{"no pool", func(s *scene) { s.pools = nil; s.send(s.queue, "commandBuffer") }, "without a pool"},
		{"pools out of order", func(s *scene) { functions["objc_autoreleasePoolPop"](s.System, []any{uintptr(7)}) }, "the pool 7 is popped"},
		{"encoding after the end", func(s *scene) { e := s.ready(); s.send(e, "endEncoding"); s.dispatch(e) }, "has ended"},
		{"two encoders", func(s *scene) { s.encoder(); s.encoder() }, "gets an encoder"},
		{"encoding after commit", func(s *scene) { e := s.ready(); s.end(e); s.encoder() }, "gets an encoder"},
		{"commit while encoding", func(s *scene) { s.encoder(); s.send(s.commands, "commit") }, "is committed in the state 0, with the encoder"},
		{"commit twice", func(s *scene) { s.end(s.ready()); s.send(s.commands, "commit") }, "is committed in the state 4"},
		{"wait without commit", func(s *scene) { s.send(s.commands, "waitUntilCompleted") }, "was not committed"},
		{"an encoder that never ends", func(s *scene) {
			s.encoder()
			functions["objc_autoreleasePoolPop"](s.System, []any{uintptr(1)})
		}, "released"},
		{"no pipeline", func(s *scene) {
			e := s.encoder()
			s.send(e, "setBuffer:offset:atIndex:", s.buffer, uint64(0), uint64(0))
			s.dispatch(e)
		}, "with the pipeline nil"},
		{"no arguments", func(s *scene) { e := s.encoder(); s.send(e, "setComputePipelineState:", s.pipeline); s.dispatch(e) }, "the arguments nil"},
		{"an offset without a buffer", func(s *scene) { s.send(s.encoder(), "setBufferOffset:atIndex:", uint64(0), uint64(0)) }, "without a buffer at index 0"},
		{"an offset that is not aligned", func(s *scene) { s.send(s.ready(), "setBufferOffset:atIndex:", uint64(4), uint64(0)) }, "from byte 4 on"},
		{"an offset outside", func(s *scene) { s.send(s.ready(), "setBufferOffset:atIndex:", uint64(1024), uint64(0)) }, "from byte 1024 on"},
		{"large groups", func(s *scene) {
			s.send(s.ready(), "dispatchThreadgroups:threadsPerThreadgroup:", objc.Size{Width: 1, Height: 1, Depth: 1}, objc.Size{Width: 2048, Height: 1, Depth: 1})
		}, "groups of 2048 threads"},
		{"an empty grid", func(s *scene) {
			s.send(s.ready(), "dispatchThreadgroups:threadsPerThreadgroup:", objc.Size{Width: 1, Depth: 1}, objc.Size{Width: 1, Height: 1, Depth: 1})
		}, "a grid of"},
		{"much threadgroup memory", func(s *scene) { s.send(s.encoder(), "setThreadgroupMemoryLength:atIndex:", uint64(64<<10), uint64(0)) }, "setThreadgroupMemoryLength:65536"},
		{"threadgroup memory that is not aligned", func(s *scene) { s.send(s.encoder(), "setThreadgroupMemoryLength:atIndex:", uint64(8), uint64(0)) }, "setThreadgroupMemoryLength:8"},
		{"kernels without a barrier", func(s *scene) { e := s.ready(); s.dispatch(e); s.dispatch(e) }, "no barrier orders"},
		{"encoders without a fence", func(s *scene) {
			s.send(s.ready(), "endEncoding")
			s.end(s.ready())
		}, "not ordered after the one before it"},
		{"a copy of half a word", func(s *scene) {
			s.send(s.send(s.commands, "blitCommandEncoder"), "copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:", s.buffer, uint64(2), s.buffer, uint64(4), uint64(4))
		}, "a copy of 4 bytes from byte 2"},
		{"a fill outside", func(s *scene) {
			s.send(s.send(s.commands, "blitCommandEncoder"), "fillBuffer:range:value:", s.buffer, objc.Range{Location: 1020, Length: 8}, uint8(0))
		}, "8 bytes from byte 1020 on of a buffer of 1024"},
		{"memory that is not resident", func(s *scene) {
			other := s.send(s.device, "newBufferWithLength:options:", uint64(64), uint64(1<<8))
			*(*uint64)(s.objects[s.buffer].data.(*buffer).host) = s.objects[other].data.(*buffer).address + 8
			e := s.ready()
			s.dispatch(e)
			s.end(e)
		}, "which is not resident"},
		{"memory that is given back", func(s *scene) {
			var e objc.ID
			set := s.send(s.device, "newResidencySetWithDescriptor:error:", s.add("MTLResidencySetDescriptor", nil).id, &e)
			s.send(s.queue, "addResidencySet:", set)
			s.send(set, "addAllocation:", s.buffer)
			s.send(set, "commit")
			s.send(s.buffer, "release")
		}, "given back while 1 command buffers"},
		{"fast math", func(s *scene) {
			var e objc.ID
			s.send(s.device, "newLibraryWithSource:options:error:", s.add("NSString", "x").id, s.add("MTLCompileOptions", &descriptor{language: 3 << 16}).id, &e)
		}, "with fast math"},
		{"an activity without an end", func(s *scene) {
			s.send(s.process(), "beginActivityWithOptions:reason:", uint64(1), objc.ID(0))
			functions["objc_autoreleasePoolPop"](s.System, []any{uintptr(1)})
		}, "an activity is released that has not ended"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(15)
			defer func() {
				t.Helper()
				said := ""
				if r := recover(); r != nil {
					said = fmt.Sprint(r)
				}
				if c.want == "" && said != "" || !strings.Contains(said, c.want) {
					t.Errorf("%q, want %q", said, c.want)
				}
			}()
			c.do(s)
		})
	}
}
