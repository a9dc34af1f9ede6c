// Package cuda generates what a GPU kernel has to know of a type, as CUDA C++ that NVRTC compiles on first use: one struct per
// type and per transform. The frames of the kernels, loops over the cache, loads and reductions, are in package templates and name
// no type; a kernel is a frame instantiated with the structs of its types, so combinations need no code of their own.
//
// A struct says what its block means (code, scale, least, value: plain loops' worth of C, used where rows are packed or checked)
// and how codes become levels in registers (lookup: the part that every cached value passes through). Levels are whole numbers, so
// that sums of products are exact: int8, or 15 bits in two bytes for a table of floats.
package cuda

import (
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// Dir is the folder of everything generated here, from the project root.
const Dir = "kernels/cuda"

// Target is the CUDA back end.
type Target struct{}

// Name is "cuda".
func (Target) Name() string { return "cuda" }

// Generate makes one file per type and transform. A GPU has no list of instruction sets.
func (Target) Generate(set *spec.Set) (*target.Output, error) {
	out := &target.Output{Files: map[string][]byte{}}
	for _, t := range set.Transforms {
		out.Files[Dir+"/transform-"+t.Name+".cuh"] = TransformText(t)
	}
	for _, t := range set.Types {
		out.Files[Dir+"/type-"+t.Name+".cuh"] = TypeText(t)
	}
	return out, nil
}
