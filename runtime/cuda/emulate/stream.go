//go:build emulate

package emulate

import (
	"bytes"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/kvgen/kvgen/runtime/internal/fibres"
)

// stream is an order of work. Work is done at once unless it is captured.
type stream struct {
	capture *graph
	spoiled bool // the capture has failed
}

// graph is captured work, in order, and also what it is instantiated to.
type graph struct{ nodes []func() int32 }

// launchConfig is the beginning of CUlaunchConfig.
type launchConfig struct {
	gx, gy, gz, bx, by, bz, shared uint32
	stream                         uintptr
}

type event struct {
	at time.Time
}

func (d *driver) capturing(handle uintptr) bool {
	d.Lock()
	defer d.Unlock()
	s := d.streams[handle]
	return s != nil && s.capture != nil
}

// launch checks a launch and copies its arguments.
func (d *driver) launch(handle uintptr, grid, block fibres.Dim3, shared uint32, stream uintptr, args, extra unsafe.Pointer) int32 {
	f := d.functions[handle]
	if f == nil {
		return d.fail(invalidHandle, "there is no kernel %d", handle)
	}
	threads := uint64(block.X) * uint64(block.Y) * uint64(block.Z)
	switch {
	case grid.X < 1 || grid.Y < 1 || grid.Z < 1 || grid.X > 1<<31-1 || grid.Y > 1<<16-1 || grid.Z > 1<<16-1:
		return d.fail(invalidValue, "a grid of %v blocks", grid)
	case threads < 1 || threads > uint64(f.threads):
		return d.fail(invalidValue, "blocks of %v threads of a kernel with a bound of %d", block, f.threads)
	case int64(shared) > int64(f.dynamic):
		return d.fail(invalidValue, "%d bytes of shared memory of a kernel that may have %d", shared, f.dynamic)
	case extra != nil:
		return d.fail(invalidValue, "arguments in a buffer are not emulated")
	}
	var copied []byte
	for i, n := range f.sizes {
		p := unsafe.Slice((*unsafe.Pointer)(args), len(f.sizes))[i]
		at := len(copied)
		copied = append(copied, make([]byte, fibres.Padded(n))...)
		copy(copied[at:], unsafe.Slice((*byte)(p), n))
	}
	l := fibres.Launch{Kernel: f.entry, Grid: grid, Block: block, Shared: shared}
	return d.queue(stream, func() int32 {
		if err := l.Run(f.name, f.sizes, bytes.Clone(copied), &d.memory); err != nil {
			d.lost = err
			return d.fail(illegalAddress, "%v", err)
		}
		return 0
	})
}

func (d *driver) moduleCalls() map[string]any {
	return map[string]any{
		"cuModuleLoadData": func(p *uintptr, image unsafe.Pointer) int32 {
			return d.waiting("cuModuleLoadData", func() int32 {
				m, err := load(image)
				if err != nil {
					return d.fail(invalidImage, "%v", err)
				}
				*p = d.handle()
				d.modules[*p] = m
				return 0
			})
		},
		"cuModuleUnload": func(handle uintptr) int32 {
			return d.waiting("cuModuleUnload", func() int32 {
				m := d.modules[handle]
				if m == nil {
					return d.fail(invalidHandle, "there is no module %d", handle)
				}
				for _, f := range m.functions {
					delete(d.functions, f)
				}
				for _, at := range m.bound {
					d.memory.Free(at)
				}
				delete(d.modules, handle)
				purego.Dlclose(m.lib)
				return 0
			})
		},
		"cuModuleGetFunction": func(p *uintptr, handle uintptr, name *byte) int32 {
			return d.locked(func() int32 {
				m := d.modules[handle]
				if m == nil {
					return d.fail(invalidHandle, "there is no module %d", handle)
				}
				f := m.function(goString(name))
				if f == nil {
					return d.fail(notFound, "there is no kernel %s in the module", goString(name))
				}
				*p = d.handle()
				d.functions[*p] = f
				m.functions = append(m.functions, *p)
				return 0
			})
		},
		"cuModuleGetGlobal_v2": func(p, size *uint64, handle uintptr, name *byte) int32 {
			return d.locked(func() int32 {
				m := d.modules[handle]
				if m == nil {
					return d.fail(invalidHandle, "there is no module %d", handle)
				}
				n, ok := m.globals[goString(name)]
				at, err := purego.Dlsym(m.lib, goString(name))
				if !ok || err != nil {
					return d.fail(notFound, "there is no variable %s in the module", goString(name))
				}
				*p, *size = uint64(at), n
				if d.memory.Bytes(*p, n) == nil {
					d.memory.Add(*p, n)
					m.bound = append(m.bound, *p)
				}
				return 0
			})
		},
		"cuFuncSetAttribute": func(handle uintptr, attribute, v int32) int32 {
			return d.locked(func() int32 {
				f := d.functions[handle]
				if f == nil {
					return d.fail(invalidHandle, "there is no kernel %d", handle)
				}
				if attribute == 8 {
					if v < 0 || v > sharedMost {
						return d.fail(invalidValue, "%d bytes of shared memory, the device has %d", v, sharedMost)
					}
					f.dynamic = v
				}
				return 0
			})
		},
		"cuFuncGetAttribute": func(v *int32, attribute int32, handle uintptr) int32 {
			return d.locked(func() int32 {
				f := d.functions[handle]
				if f == nil {
					return d.fail(invalidHandle, "there is no kernel %d", handle)
				}
				*v = map[int32]int32{0: int32(f.threads), 4: 32, 8: f.dynamic}[attribute]
				return 0
			})
		},
		"cuOccupancyMaxActiveBlocksPerMultiprocessor": func(n *int32, handle uintptr, threads int32, shared uint64) int32 {
			return d.locked(func() int32 { *n = 2; return 0 })
		},
		"cuLaunchKernel": func(f uintptr, gx, gy, gz, bx, by, bz, shared uint32, stream uintptr, args, extra unsafe.Pointer) int32 {
			return d.locked(func() int32 {
				return d.launch(f, fibres.Dim3{X: gx, Y: gy, Z: gz}, fibres.Dim3{X: bx, Y: by, Z: bz}, shared, stream, args, extra)
			})
		},
		"cuLaunchKernelEx": func(config unsafe.Pointer, f uintptr, args, extra unsafe.Pointer) int32 {
			c := (*launchConfig)(config) // attributes allow more and demand nothing
			return d.locked(func() int32 {
				return d.launch(f, fibres.Dim3{X: c.gx, Y: c.gy, Z: c.gz}, fibres.Dim3{X: c.bx, Y: c.by, Z: c.bz}, c.shared, c.stream, args, extra)
			})
		},
	}
}

func (d *driver) streamCalls() map[string]any {
	return map[string]any{
		"cuCtxSynchronize": func() int32 { return d.waiting("cuCtxSynchronize", func() int32 { return 0 }) },
		"cuStreamCreate": func(p *uintptr, _ uint32) int32 {
			return d.locked(func() int32 {
				*p = d.handle()
				d.streams[*p] = &stream{}
				return 0
			})
		},
		"cuStreamDestroy_v2": func(handle uintptr) int32 {
			d.Lock()
			defer d.Unlock()
			delete(d.streams, handle)
			return 0
		},
		"cuStreamSynchronize": func(uintptr) int32 { return d.waiting("cuStreamSynchronize", func() int32 { return 0 }) },
		"cuStreamBeginCapture_v2": func(handle uintptr, _ int32) int32 {
			return d.locked(func() int32 {
				s := d.streams[handle]
				if s == nil || s.capture != nil {
					return d.fail(invalidValue, "the stream %d cannot be captured", handle)
				}
				s.capture, s.spoiled = &graph{}, false
				return 0
			})
		},
		"cuStreamEndCapture": func(handle uintptr, p *uintptr) int32 {
			return d.locked(func() int32 {
				s := d.streams[handle]
				if s == nil || s.capture == nil {
					return d.fail(invalidValue, "the stream %d is not captured", handle)
				}
				g, spoiled := s.capture, s.spoiled
				s.capture, s.spoiled, *p = nil, false, 0
				if spoiled {
					return d.fail(captureInvalidated, "the capture has failed before")
				}
				*p = d.handle()
				d.graphs[*p] = g
				return 0
			})
		},
		"cuGraphInstantiateWithFlags": func(p *uintptr, handle uintptr, _ uint64) int32 {
			return d.locked(func() int32 {
				g := d.graphs[handle]
				if g == nil {
					return d.fail(invalidValue, "there is no graph %d", handle)
				}
				*p = d.handle()
				d.graphs[*p] = g
				return 0
			})
		},
		"cuGraphLaunch": func(handle, stream uintptr) int32 {
			return d.locked(func() int32 {
				g := d.graphs[handle]
				if g == nil {
					return d.fail(invalidValue, "there is no graph %d", handle)
				}
				return d.queue(stream, func() int32 {
					for _, node := range g.nodes {
						if code := node(); code != 0 {
							return code
						}
					}
					return 0
				})
			})
		},
		"cuGraphDestroy":     d.destroyGraph,
		"cuGraphExecDestroy": d.destroyGraph,
		"cuEventCreate": func(p *uintptr, _ uint32) int32 {
			return d.locked(func() int32 {
				*p = d.handle()
				d.events[*p] = &event{}
				return 0
			})
		},
		"cuEventDestroy_v2": func(handle uintptr) int32 {
			d.Lock()
			defer d.Unlock()
			delete(d.events, handle)
			return 0
		},
		"cuEventRecord": func(handle, stream uintptr) int32 {
			return d.locked(func() int32 {
				e := d.events[handle]
				if e == nil {
					return d.fail(invalidHandle, "there is no event %d", handle)
				}
				return d.queue(stream, func() int32 { e.at = time.Now(); return 0 })
			})
		},
		"cuEventSynchronize": func(uintptr) int32 { return d.waiting("cuEventSynchronize", func() int32 { return 0 }) },
		"cuEventElapsedTime": func(ms *float32, first, second uintptr) int32 {
			return d.locked(func() int32 {
				a, b := d.events[first], d.events[second]
				if a == nil || b == nil || a.at.IsZero() || b.at.IsZero() {
					return d.fail(invalidHandle, "an event that was not recorded")
				}
				*ms = float32(b.at.Sub(a.at).Seconds() * 1e3)
				return 0
			})
		},
	}
}

func (d *driver) destroyGraph(handle uintptr) int32 {
	return d.locked(func() int32 {
		if d.graphs[handle] == nil {
			return d.fail(invalidValue, "there is no graph %d", handle)
		}
		delete(d.graphs, handle)
		return 0
	})
}
