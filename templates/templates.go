// Package templates holds the frames of the GPU kernels: loops over a cache, loads, reductions. A
// frame names no type; it is instantiated with the structs that the compiler writes for types and
// transforms.
package templates

import "embed"

// CUDA holds the frames of CUDA kernels, below the folder cuda.
//
//go:embed cuda
var CUDA embed.FS
