package fake

import (
	"unsafe"

	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// encoding has the messages of command buffers, encoders and sets of residency.
func encoding() map[string]func(s *System, o *object, in []any) any {
	all := map[string]func(s *System, o *object, in []any) any{
		"MTLResidencySet.addAllocation:": func(s *System, o *object, in []any) any {
			o.data.(*residency).next[s.get(in[0].(objc.ID), "addAllocation:")] = true
			return nil
		},
		"MTLResidencySet.removeAllocation:": func(s *System, o *object, in []any) any {
			b := s.get(in[0].(objc.ID), "removeAllocation:")
			if r := o.data.(*residency); r.next[b] {
				delete(r.next, b)
				delete(r.now, b) // what is removed is not to be used any more
			} else {
				fault("removeAllocation: of %v, which is not in the set", b)
			}
			return nil
		},
		"MTLResidencySet.commit": func(s *System, o *object, in []any) any {
			r := o.data.(*residency)
			r.now = map[*object]bool{}
			for b := range r.next {
				r.now[b] = true
			}
			return nil
		},
		"MTLResidencySet.requestResidency": func(s *System, o *object, in []any) any { return nil },
		"MTLResidencySet.endResidency":     func(s *System, o *object, in []any) any { return nil },
		"MTLCommandQueue.addResidencySet:": func(s *System, o *object, in []any) any {
			s.queue.sets = append(s.queue.sets, s.get(in[0].(objc.ID), "addResidencySet:").data.(*residency))
			return nil
		},
		"MTLCommandQueue.commandBuffer": func(s *System, o *object, in []any) any {
			s.queue.open++
			s.queue.made++
			return s.later(s.add("MTLCommandBuffer", &commandBuffer{number: s.queue.made - 1}))
		},
		"MTLCommandBuffer.commit": func(s *System, o *object, in []any) any {
			c := o.data.(*commandBuffer)
			if c.encoder != nil || c.status != encoding0 {
				fault("%v is committed in the state %d, with the encoder %v", o, c.status, c.encoder)
			}
			c.status = committed
			s.queue.open--
			s.retain(o)
			s.queue.waiting = append(s.queue.waiting, o)
			if s.Eager {
				s.run(o)
			}
			return nil
		},
		"MTLCommandBuffer.waitUntilCompleted": func(s *System, o *object, in []any) any {
			if o.data.(*commandBuffer).status == encoding0 {
				fault("%v is waited for, and was not committed", o)
			}
			s.run(o)
			return nil
		},
		"MTLCommandBuffer.status": func(s *System, o *object, in []any) any { return o.data.(*commandBuffer).status },
		"MTLCommandBuffer.error": func(s *System, o *object, in []any) any {
			if e := o.data.(*commandBuffer).failure; e != nil {
				return s.nsError(*e)
			}
			return nil
		},
		"MTLCommandBuffer.computeCommandEncoderWithDispatchType:": func(s *System, o *object, in []any) any {
			if in[0].(uint64) != 1 {
				fault("an encoder with the dispatch type %d", in[0])
			}
			return s.newEncoder(o, "MTLComputeCommandEncoder")
		},
		"MTLCommandBuffer.blitCommandEncoder": func(s *System, o *object, in []any) any {
			return s.newEncoder(o, "MTLBlitCommandEncoder")
		},
		"MTLCommandEncoder.endEncoding": func(s *System, o *object, in []any) any {
			e := open(o, "endEncoding")
			e.ended = true
			e.commands.data.(*commandBuffer).encoder = nil
			return nil
		},
		"MTLBlitCommandEncoder.copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:": func(s *System, o *object, in []any) any {
			c := open(o, "copyFromBuffer:").commands.data.(*commandBuffer)
			from, to := s.keep(c, s.get(in[0].(objc.ID), "")), s.keep(c, s.get(in[2].(objc.ID), ""))
			at, toAt, n := in[1].(uint64), in[3].(uint64), in[4].(uint64)
			if n == 0 || at%4 != 0 || toAt%4 != 0 || n%4 != 0 {
				fault("a copy of %d bytes from byte %d to byte %d", n, at, toAt)
			}
			a, b := from.data.(*buffer).slice(at, n), to.data.(*buffer).slice(toAt, n)
			c.run = append(c.run, func() error { copy(b, a); return nil })
			return nil
		},
		"MTLBlitCommandEncoder.fillBuffer:range:value:": func(s *System, o *object, in []any) any {
			c := open(o, "fillBuffer:").commands.data.(*commandBuffer)
			r, value := in[1].(objc.Range), in[2].(uint8)
			if r.Length == 0 || r.Location%4 != 0 || r.Length%4 != 0 {
				fault("a fill of %d bytes from byte %d on", r.Length, r.Location)
			}
			b := s.keep(c, s.get(in[0].(objc.ID), "")).data.(*buffer).slice(r.Location, r.Length)
			c.run = append(c.run, func() error {
				for i := range b {
					b[i] = value
				}
				return nil
			})
			return nil
		},
	}
	for _, class := range []string{"MTLComputeCommandEncoder", "MTLBlitCommandEncoder"} {
		all[class+".waitForFence:"] = func(s *System, o *object, in []any) any {
			open(o, "waitForFence:").waits = s.get(in[0].(objc.ID), "waitForFence:")
			return nil
		}
		all[class+".updateFence:"] = func(s *System, o *object, in []any) any {
			open(o, "updateFence:").updates = s.get(in[0].(objc.ID), "updateFence:")
			return nil
		}
	}
	return merged(all, kernels())
}

// newEncoder opens an encoder, one at a time.
func (s *System) newEncoder(commands *object, class string) objc.ID {
	c := commands.data.(*commandBuffer)
	if c.encoder != nil || c.status != encoding0 {
		fault("%v gets an encoder in the state %d, while %v is open", commands, c.status, c.encoder)
	}
	e := &encoder{commands: commands, uses: map[*object]bool{}}
	c.encoder = s.add(class, e)
	c.run = append(c.run, func() error { s.follows(e); return nil })
	return s.later(c.encoder)
}

// open is an encoder that has not ended.
func open(o *object, message string) *encoder {
	e := o.data.(*encoder)
	if e.ended {
		fault("%s: %v has ended", message, o)
	}
	return e
}

// kernels has the messages of encoders of kernels.
func kernels() map[string]func(s *System, o *object, in []any) any {
	const class = "MTLComputeCommandEncoder."
	return map[string]func(s *System, o *object, in []any) any{
		class + "useResources:count:usage:": func(s *System, o *object, in []any) any {
			e := open(o, "useResources:")
			if in[2].(uint64) != 3 {
				fault("useResources: with the usage %d: kernels read and write", in[2])
			}
			for _, id := range unsafe.Slice((*objc.ID)(in[0].(unsafe.Pointer)), in[1].(uint64)) {
				e.uses[s.keep(e.commands.data.(*commandBuffer), s.get(id, "useResources:"))] = true
			}
			return nil
		},
		class + "setComputePipelineState:": func(s *System, o *object, in []any) any {
			e := open(o, "setComputePipelineState:")
			e.pipeline = s.keep(e.commands.data.(*commandBuffer), s.get(in[0].(objc.ID), "setComputePipelineState:"))
			return nil
		},
		class + "setBuffer:offset:atIndex:": func(s *System, o *object, in []any) any {
			e := open(o, "setBuffer:")
			b := s.keep(e.commands.data.(*commandBuffer), s.get(in[0].(objc.ID), "setBuffer:"))
			e.bind(in[2].(uint64), b, in[1].(uint64))
			return nil
		},
		class + "setBufferOffset:atIndex:": func(s *System, o *object, in []any) any {
			e := open(o, "setBufferOffset:")
			i := in[1].(uint64)
			if i > 30 || e.buffers[i].buffer == nil {
				fault("setBufferOffset: without a buffer at index %d", i)
			}
			e.bind(i, e.buffers[i].buffer, in[0].(uint64))
			return nil
		},
		class + "setThreadgroupMemoryLength:atIndex:": func(s *System, o *object, in []any) any {
			n, i := in[0].(uint64), in[1].(uint64)
			if i > 30 || n%16 != 0 || n > groupMemory {
				fault("setThreadgroupMemoryLength:%d atIndex:%d", n, i)
			}
			open(o, "setThreadgroupMemoryLength:").shared[i] = int(n)
			return nil
		},
		class + "memoryBarrierWithScope:": func(s *System, o *object, in []any) any {
			if in[0].(uint64) != 1 {
				fault("a barrier of the scope %d, not of buffers", in[0])
			}
			open(o, "memoryBarrierWithScope:").loose = false
			return nil
		},
		class + "dispatchThreadgroups:threadsPerThreadgroup:": func(s *System, o *object, in []any) any {
			e := open(o, "dispatchThreadgroups:")
			e.launch(s, in[0].(objc.Size), in[1].(objc.Size))
			return nil
		},
	}
}

func (e *encoder) bind(i uint64, b *object, offset uint64) {
	if i > 30 || b == nil || offset%256 != 0 || offset >= b.data.(*buffer).bytes {
		fault("%v is bound at index %d from byte %d on", b, i, offset)
	}
	e.buffers[i] = bound{b, offset}
}

// launch encodes a kernel.
func (e *encoder) launch(s *System, groups, threads objc.Size) {
	if e.pipeline == nil || e.buffers[0].buffer == nil {
		fault("a kernel is launched with the pipeline %v and the arguments %v", e.pipeline, e.buffers[0].buffer)
	}
	if e.loose {
		fault("no barrier orders two kernels of an encoder")
	}
	e.loose = true
	k := e.pipeline.data.(Kernel)
	most, static := k.Facts()
	if n := threads.Width * threads.Height * threads.Depth; n == 0 || n > uint64(most) {
		fault("groups of %d threads of a kernel that has %d at most", n, most)
	}
	if groups.Width*groups.Height*groups.Depth == 0 {
		fault("a grid of %v groups", groups)
	}
	if static+e.shared[0] > groupMemory {
		fault("a group with %d bytes of threadgroup memory", static+e.shared[0])
	}
	at := *e // as it is now
	l := Launch{Groups: words(groups), Threads: words(threads), Shared: []int{e.shared[0]}}
	for _, b := range at.buffers {
		if b.buffer == nil {
			break
		}
		l.Buffers = append(l.Buffers, b.buffer.data.(*buffer).address+b.offset)
	}
	c := e.commands.data.(*commandBuffer)
	c.run = append(c.run, func() error {
		s.reaches(&at)
		return k.Launch(l)
	})
}

func words(s objc.Size) [3]uint32 {
	return [3]uint32{uint32(s.Width), uint32(s.Height), uint32(s.Depth)}
}
