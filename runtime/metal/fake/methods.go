package fake

import (
	"os"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// functions are those of C.
var functions = map[string]func(s *System, in []any) any{
	"objc_autoreleasePoolPush": func(s *System, in []any) any {
		s.pools = append(s.pools, nil)
		return uint64(len(s.pools))
	},
	"objc_autoreleasePoolPop": func(s *System, in []any) any {
		n := int(in[0].(uintptr))
		if n != len(s.pools) {
			fault("the pool %d is popped, and the innermost is %d", n, len(s.pools))
		}
		for _, o := range s.pools[n-1] {
			s.release(o)
		}
		s.pools = s.pools[:n-1]
		return nil
	},
	"MTLCopyAllDevices": func(s *System, in []any) any {
		var all []*object
		for i := range s.GPUs {
			o := s.add("MTLDevice", &s.GPUs[i])
			o.forever = true
			all = append(all, o)
		}
		return s.add("NSArray", all).id
	},
	"IORegistryEntryIDMatching": func(s *System, in []any) any { return s.add("NSDictionary", in[0]).id },
	"IOServiceGetMatchingService": func(s *System, in []any) any {
		matching := s.get(in[1].(objc.ID), "IOServiceGetMatchingService")
		n := matching.data.(uint64)
		s.release(matching) // the function does so
		if n == 0 || n > uint64(len(s.GPUs)) {
			return uint32(0)
		}
		return s.add("io_service_t", n).id
	},
	"IORegistryEntryCreateCFProperty": func(s *System, in []any) any {
		n := s.get(objc.ID(in[0].(uint32)), "IORegistryEntryCreateCFProperty").data.(uint64)
		if key := s.get(in[1].(objc.ID), "IORegistryEntryCreateCFProperty"); key.data != "gpu-core-count" || s.GPUs[n-1].Cores == 0 {
			return nil
		}
		return s.add("NSNumber", s.GPUs[n-1].Cores).id
	},
	"IOObjectRelease": func(s *System, in []any) any {
		s.release(s.get(objc.ID(in[0].(uint32)), "IOObjectRelease"))
		return int32(0)
	},
}

// methods are what messages do, by class and selector.
func methods() map[string]func(s *System, o *object, in []any) any {
	return merged(foundation(), device(), encoding())
}

func merged(all ...map[string]func(*System, *object, []any) any) map[string]func(*System, *object, []any) any {
	m := map[string]func(*System, *object, []any) any{}
	for _, part := range all {
		for name, f := range part {
			m[name] = f
		}
	}
	return m
}

// archive is what an MTLBinaryArchive holds: names of kernels and texts.
type archive map[string]bool

// descriptor is one of any kind.
type descriptor struct {
	function *object
	archive  *object
	url      string
	language uint64
	exact    bool
}

func foundation() map[string]func(s *System, o *object, in []any) any {
	return map[string]func(s *System, o *object, in []any) any{
		"NSObject.alloc": func(s *System, o *object, in []any) any { return s.add(o.class, nil).id },
		"NSObject.new":   func(s *System, o *object, in []any) any { return s.add(o.class, &descriptor{}).id },
		"NSObject.retain": func(s *System, o *object, in []any) any {
			s.retain(o)
			return o.id
		},
		"NSObject.release": func(s *System, o *object, in []any) any { s.release(o); return nil },
		"NSObject.respondsToSelector:": func(s *System, o *object, in []any) any {
			for name, sel := range s.selectors {
				if sel != in[0].(objc.SEL) {
					continue
				}
				for _, d := range s.byName[name] {
					if o.is(d.class) && d.ofClass == o.isClass && int64(d.major) <= s.Major {
						return true
					}
				}
			}
			return false
		},
		"NSArray.count": func(s *System, o *object, in []any) any { return uint64(len(o.data.([]*object))) },
		"NSArray.objectAtIndex:": func(s *System, o *object, in []any) any {
			all := o.data.([]*object)
			if in[0].(uint64) >= uint64(len(all)) {
				fault("objectAtIndex:%d of %d objects", in[0], len(all))
			}
			return all[in[0].(uint64)].id
		},
		"NSArray.arrayWithObject:": func(s *System, o *object, in []any) any {
			held := s.get(in[0].(objc.ID), "arrayWithObject:")
			s.retain(held)
			return s.later(s.add("NSArray", []*object{held}))
		},
		"NSNumber.unsignedLongLongValue": func(s *System, o *object, in []any) any { return o.data },
		"NSString.initWithBytes:length:encoding:": func(s *System, o *object, in []any) any {
			if in[2].(uint64) != 4 {
				fault("a string of the encoding %d", in[2])
			}
			o.data = string(unsafe.Slice((*byte)(in[0].(unsafe.Pointer)), in[1].(uint64)))
			return o.id
		},
		"NSString.UTF8String": func(s *System, o *object, in []any) any { return s.cString(o) },
		"NSURL.fileURLWithPath:": func(s *System, o *object, in []any) any {
			return s.later(s.add("NSURL", s.get(in[0].(objc.ID), "").data))
		},
		"NSError.code":                                   func(s *System, o *object, in []any) any { return int64(o.data.(Error).Code) },
		"NSError.domain":                                 func(s *System, o *object, in []any) any { return s.text(o.data.(Error).Domain) },
		"NSError.localizedDescription":                   func(s *System, o *object, in []any) any { return s.text(o.data.(Error).Text) },
		"NSProcessInfo.processInfo":                      func(s *System, o *object, in []any) any { return s.process() },
		"NSProcessInfo.isOperatingSystemAtLeastVersion:": func(s *System, o *object, in []any) any { return in[0].(objc.Version).Major <= s.Major },
		"NSProcessInfo.operatingSystemVersionString":     func(s *System, o *object, in []any) any { return s.text(s.version()) },
		"NSProcessInfo.beginActivityWithOptions:reason:": func(s *System, o *object, in []any) any {
			return s.later(s.add("activity", true))
		},
		"NSProcessInfo.endActivity:": func(s *System, o *object, in []any) any {
			a := s.get(in[0].(objc.ID), "endActivity:")
			if a.data != true {
				fault("endActivity: of %v that has ended", a)
			}
			a.data = false
			return nil
		},
	}
}

func device() map[string]func(s *System, o *object, in []any) any {
	gpu := func(f func(g *GPU) any) func(s *System, o *object, in []any) any {
		return func(s *System, o *object, in []any) any { return f(o.data.(*GPU)) }
	}
	plain := func(class string) func(s *System, o *object, in []any) any {
		return func(s *System, o *object, in []any) any { return s.add(class, nil).id }
	}
	set := func(f func(s *System, d *descriptor, value any)) func(s *System, o *object, in []any) any {
		return func(s *System, o *object, in []any) any { f(s, o.data.(*descriptor), in[0]); return nil }
	}
	return map[string]func(s *System, o *object, in []any) any{
		"MTLDevice.name": func(s *System, o *object, in []any) any { return s.text(o.data.(*GPU).Name) },
		"MTLDevice.registryID": func(s *System, o *object, in []any) any {
			for i := range s.GPUs {
				if &s.GPUs[i] == o.data.(*GPU) {
					return uint64(i + 1)
				}
			}
			return uint64(0)
		},
		"MTLDevice.supportsFamily:": func(s *System, o *object, in []any) any {
			for _, f := range o.data.(*GPU).Families {
				if f == in[0].(int64) {
					return true
				}
			}
			return false
		},
		"MTLDevice.recommendedMaxWorkingSetSize": gpu(func(g *GPU) any { return g.WorkingSet }),
		"MTLDevice.maxBufferLength":              gpu(func(g *GPU) any { return g.Longest }),
		"MTLDevice.maxThreadgroupMemoryLength":   gpu(func(g *GPU) any { return uint64(groupMemory) }),
		"MTLDevice.currentAllocatedSize":         func(s *System, o *object, in []any) any { return s.allocated },
		"MTLDevice.newCommandQueue": func(s *System, o *object, in []any) any {
			s.queue = queue{}
			return s.add("MTLCommandQueue", nil).id
		},
		"MTLDevice.newFence":                     plain("MTLFence"),
		"MTLDevice.newBufferWithLength:options:": func(s *System, o *object, in []any) any { return s.newBuffer(in[0].(uint64), in[1].(uint64)) },
		"MTLBuffer.contents":                     func(s *System, o *object, in []any) any { return o.data.(*buffer).host },
		"MTLBuffer.gpuAddress":                   func(s *System, o *object, in []any) any { return o.data.(*buffer).address },
		"MTLDevice.newResidencySetWithDescriptor:error:": func(s *System, o *object, in []any) any {
			return s.add("MTLResidencySet", &residency{next: map[*object]bool{}, now: map[*object]bool{}}).id
		},
		"MTLDevice.newLibraryWithSource:options:error:": func(s *System, o *object, in []any) any {
			options := s.get(in[1].(objc.ID), "newLibraryWithSource").data.(*descriptor)
			if !options.exact || options.language < 3<<16 {
				fault("a library with fast math, or of the language %#x", options.language)
			}
			text := s.get(in[0].(objc.ID), "newLibraryWithSource").data.(string)
			p, err := s.Machine.Compile(text)
			if err != nil || s.Warn {
				e := Error{"MTLLibraryErrorDomain", 4, "program_source:1:1: warning: unused"}
				if err != nil {
					e = Error{"MTLLibraryErrorDomain", 3, err.Error()}
				}
				*in[2].(*objc.ID) = s.nsError(e)
			}
			if err != nil {
				return nil
			}
			return s.add("MTLLibrary", library{p, text}).id
		},
		"MTLCompileOptions.setFastMathEnabled:": set(func(s *System, d *descriptor, v any) { d.exact = !v.(bool) }),
		"MTLCompileOptions.setMathMode:":        set(func(s *System, d *descriptor, v any) { d.exact = v.(int64) == 0 }),
		"MTLCompileOptions.setLanguageVersion:": set(func(s *System, d *descriptor, v any) { d.language = v.(uint64) }),
		"MTLLibrary.newFunctionWithName:": func(s *System, o *object, in []any) any {
			l, name := o.data.(library), s.get(in[0].(objc.ID), "newFunctionWithName:").data.(string)
			k, ok := l.program.Kernel(name)
			if !ok {
				return nil
			}
			return s.add("MTLFunction", compiled{k, name + "\n" + l.text}).id
		},
		"MTLComputePipelineDescriptor.setComputeFunction:": set(func(s *System, d *descriptor, v any) {
			d.function = s.get(v.(objc.ID), "setComputeFunction:")
			s.retain(d.function)
		}),
		"MTLComputePipelineDescriptor.setBinaryArchives:": set(func(s *System, d *descriptor, v any) {
			d.archive = s.get(v.(objc.ID), "setBinaryArchives:")
			s.retain(d.archive)
		}),
		"MTLDevice.newComputePipelineStateWithDescriptor:options:reflection:error:": func(s *System, o *object, in []any) any {
			d := s.get(in[0].(objc.ID), "newComputePipelineState").data.(*descriptor)
			if d.function == nil {
				fault("a pipeline without a function")
			}
			f := d.function.data.(compiled)
			held := d.archive != nil && d.archive.data.([]*object)[0].data.(archive)[f.key]
			if in[1].(uint64)&4 != 0 && !held {
				*in[3].(*objc.ID) = s.nsError(Error{"CompilerError", 1, "not in the archive"})
				return nil
			}
			return s.add("MTLComputePipelineState", f.kernel).id
		},
		"MTLComputePipelineState.maxTotalThreadsPerThreadgroup": func(s *System, o *object, in []any) any {
			threads, _ := o.data.(Kernel).Facts()
			return uint64(threads)
		},
		"MTLComputePipelineState.staticThreadgroupMemoryLength": func(s *System, o *object, in []any) any {
			_, static := o.data.(Kernel).Facts()
			return uint64(static)
		},
		"MTLBinaryArchiveDescriptor.setUrl:": set(func(s *System, d *descriptor, v any) {
			d.url = ""
			if o := s.get(v.(objc.ID), "setUrl:"); o != nil {
				d.url = o.data.(string)
			}
		}),
		"MTLDevice.newBinaryArchiveWithDescriptor:error:": func(s *System, o *object, in []any) any {
			a := archive{}
			if url := s.get(in[0].(objc.ID), "newBinaryArchive").data.(*descriptor).url; url != "" {
				b, err := os.ReadFile(url)
				if err != nil || !a.read(b) {
					*in[1].(*objc.ID) = s.nsError(Error{"MTLBinaryArchiveDomain", 1, "no archive"})
					return nil
				}
			}
			return s.add("MTLBinaryArchive", a).id
		},
		"MTLBinaryArchive.addComputePipelineFunctionsWithDescriptor:error:": func(s *System, o *object, in []any) any {
			o.data.(archive)[s.get(in[0].(objc.ID), "addComputePipelineFunctions").data.(*descriptor).function.data.(compiled).key] = true
			return true
		},
		"MTLBinaryArchive.serializeToURL:error:": func(s *System, o *object, in []any) any {
			return os.WriteFile(s.get(in[0].(objc.ID), "serializeToURL").data.(string), o.data.(archive).written(), 0o666) == nil
		},
	}
}
