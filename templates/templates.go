// Package templates holds the frames of the GPU kernels: loops over a cache, loads, reductions. A
// frame names no type; it is instantiated with the structs that the compiler writes for types and
// transforms.
package templates

import "embed"

// Files holds the frames, below a folder for each GPU, of its name.
//
//go:embed */*
var Files embed.FS
