// Package gpus lists the back ends of the compiler that are GPUs. It is apart from those that are
// processors since package live compiles for GPUs in a running program.
package gpus

import (
	"github.com/kvgen/kvgen/gen/target"
	"github.com/kvgen/kvgen/gen/target/cuda"
	"github.com/kvgen/kvgen/gen/target/metal"
)

// All are the GPUs, the preferred one first. A new one is a line here and folders of its name:
//
//	gen/target/NAME   a dialect of gen/target/ctext, or what else is a target.GPU
//	templates/NAME    the frames of its kernels
//	kernels/NAME      what is generated for it, embedded
//	runtime/NAME      its driver, a variable Driver of type *gpu.Driver
//
// The list of drivers, from which commands offer GPUs, is generated from this one. A driver builds
// on every system; where its GPUs cannot be, its Open says so.
func All() []target.GPU {
	return []target.GPU{
		cuda.Target,
		metal.Target,
	}
}
