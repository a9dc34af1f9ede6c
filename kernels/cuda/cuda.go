// Package cuda holds what the compiler made for NVIDIA GPUs, as text: a struct for every type and
// transform, and the arguments of kernels. A kernel is put together from them and the frames of
// package templates, and compiled on the user's machine; see runtime/cuda.
package cuda

import "embed"

// Files holds type-NAME.cuh, transform-NAME.cuh and args.cuh, the arguments of kernels.
//
//go:embed *.cuh
var Files embed.FS
