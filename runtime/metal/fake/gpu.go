package fake

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// groupMemory is the bytes of threadgroup memory that a group has.
const groupMemory = 32 << 10

// library is what an MTLLibrary holds, compiled an MTLFunction.
type library struct {
	program Program
	text    string
}

type compiled struct {
	kernel Kernel
	key    string // of an archive
}

// buffer is an MTLBuffer.
type buffer struct {
	host    unsafe.Pointer
	address uint64
	bytes   uint64
}

func (b *buffer) slice(at, n uint64) []byte {
	if at > b.bytes || n > b.bytes-at {
		fault("%d bytes from byte %d on of a buffer of %d", n, at, b.bytes)
	}
	return unsafe.Slice((*byte)(unsafe.Add(b.host, at)), n)
}

// residency is an MTLResidencySet: what it has, and what it will have once it is committed.
type residency struct{ next, now map[*object]bool }

// queue is the one MTLCommandQueue: command buffers that were committed, and not run.
type queue struct {
	waiting []*object
	sets    []*residency
	open    int     // command buffers that are encoded
	fence   *object // that the last encoder updated, nil for none
	first   bool    // an encoder has run
	made    int     // command buffers
}

const (
	encoding0 = iota
	committed = 2
	completed = 4
	failed    = 5
)

// commandBuffer is an MTLCommandBuffer.
type commandBuffer struct {
	number  int
	status  uint64
	encoder *object // that is open
	run     []func() error
	held    []*object // which it keeps until it is done
	failure *Error
}

// encoder is an MTLCommandEncoder.
type encoder struct {
	commands *object
	ended    bool
	waits    *object // the fence
	updates  *object
	uses     map[*object]bool
	pipeline *object
	buffers  [31]bound
	shared   [31]int
	loose    bool // a kernel was encoded that no barrier follows
}

type bound struct {
	buffer *object
	offset uint64
}

// newBuffer makes shared memory that nothing tracks.
func (s *System) newBuffer(bytes, options uint64) objc.ID {
	if options != 1<<8 {
		fault("a buffer with the options %#x", options)
	}
	if g := s.GPUs[0]; bytes == 0 || bytes > g.Longest {
		fault("a buffer of %d bytes", bytes)
	}
	host, address, err := s.Machine.Alloc(bytes)
	if err != nil {
		return 0
	}
	s.allocated += bytes
	return s.add("MTLBuffer", &buffer{host, address, bytes}).id
}

// process is the one NSProcessInfo.
func (s *System) process() objc.ID {
	if s.told == 0 {
		o := s.add("NSProcessInfo", nil)
		o.forever, s.told = true, o.id
	}
	return s.told
}

func (s *System) version() string { return fmt.Sprintf("Version %d.1 (Build 1)", s.Major) }

const archiveHead = "fake archive\n"

// read reads a file of written.
func (a archive) read(b []byte) bool {
	rest, ok := strings.CutPrefix(string(b), archiveHead)
	for _, key := range strings.Split(rest, "\x00") {
		a[key] = true
	}
	return ok
}

func (a archive) written() []byte {
	var keys []string
	for key := range a {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return []byte(archiveHead + strings.Join(keys, "\x00"))
}

// endings are what happens when the last reference to an object is gone.
func endings() map[string]func(s *System, o *object) {
	array := func(s *System, o *object) {
		for _, x := range o.data.([]*object) {
			s.release(x)
		}
	}
	encoder := func(s *System, o *object) {
		if !o.data.(*encoder).ended {
			fault("%v is released before it has ended", o)
		}
	}
	return map[string]func(s *System, o *object){
		"NSArray":                  array,
		"MTLComputeCommandEncoder": encoder,
		"MTLBlitCommandEncoder":    encoder,
		"NSString":                 func(s *System, o *object) { delete(s.strings, o.id) },
		"activity": func(s *System, o *object) {
			if o.data == true {
				fault("an activity is released that has not ended")
			}
		},
		"MTLComputePipelineDescriptor": func(s *System, o *object) {
			s.release(o.data.(*descriptor).function)
			s.release(o.data.(*descriptor).archive)
		},
		"MTLBuffer": func(s *System, o *object) {
			b := o.data.(*buffer)
			// by its address kernels may use it that no command buffer keeps it for
			if n := len(s.queue.waiting) + s.queue.open; n > 0 && s.resident(o) {
				fault("%v is given back while %d command buffers are not done", o, n)
			}
			s.allocated -= b.bytes
			if err := s.Machine.Free(b.address); err != nil {
				fault("%v: %v", o, err)
			}
		},
		"MTLCommandBuffer": func(s *System, o *object) {
			c := o.data.(*commandBuffer)
			if c.encoder != nil {
				fault("%v is released while it is encoded", o)
			}
			if c.status == encoding0 {
				s.queue.open--
				s.letGo(c)
			}
		},
	}
}

// letGo releases what a command buffer kept.
func (s *System) letGo(c *commandBuffer) {
	for _, o := range c.held {
		s.release(o)
	}
	c.held, c.run = nil, nil
}

// keep has a command buffer keep an object until it is done.
func (s *System) keep(c *commandBuffer, o *object) *object {
	s.retain(o)
	c.held = append(c.held, o)
	return o
}

// resident says whether kernels may use a buffer by its address, in a set of the queue.
func (s *System) resident(o *object) bool {
	return slices.ContainsFunc(s.queue.sets, func(r *residency) bool { return r.now[o] })
}

// run runs command buffers up to one.
func (s *System) run(last *object) {
	for len(s.queue.waiting) > 0 && last.data.(*commandBuffer).status == committed {
		o := s.queue.waiting[0]
		c := o.data.(*commandBuffer)
		c.status = completed
		if e, ok := s.Fail["MTLCommandBuffer.error"][c.number]; ok {
			c.status, c.failure = failed, &e
		}
		for _, do := range c.run {
			if c.status == failed {
				break
			}
			if err := do(); err != nil {
				c.status, c.failure = failed, &Error{"MTLCommandBufferErrorDomain", 3, err.Error()}
			}
		}
		s.queue.waiting = s.queue.waiting[1:]
		s.letGo(c)
		s.release(o)
	}
}

// follows checks that an encoder waits for the one before it.
func (s *System) follows(e *encoder) {
	q := &s.queue
	if q.first && (q.fence == nil || e.waits != q.fence) {
		fault("an encoder is not ordered after the one before it")
	}
	q.first, q.fence = true, e.updates
}

// reaches checks that memory is resident whose address stands in a kernel's arguments.
func (s *System) reaches(e *encoder) {
	for _, x := range e.buffers {
		if x.buffer == nil {
			continue
		}
		b := x.buffer.data.(*buffer)
		words := b.slice(x.offset, min(512, b.bytes-x.offset))
		for ; len(words) >= 8; words = words[8:] {
			at := *(*uint64)(unsafe.Pointer(&words[0]))
			for _, o := range s.objects {
				if m, ok := o.data.(*buffer); ok && at >= m.address && at < m.address+m.bytes && !e.uses[o] && !s.resident(o) && !isBound(e, o) {
					fault("a kernel is given %v, which is not resident", o)
				}
			}
		}
	}
}

func isBound(e *encoder, o *object) bool {
	return slices.ContainsFunc(e.buffers[:], func(b bound) bool { return b.buffer == o })
}
