// Package cuda runs kernels on NVIDIA GPUs: the driver (libcuda) and the compiler of kernels (NVRTC) as far as they are used, through
// purego and without cgo; a disk cache of compiled kernels; attention over a packed cache in device memory; and products with weights.
//
// A Matrix is repacked from a file's rows when it is uploaded. Products with few tokens read it as it is and are bound by the memory
// (product.go); those with many make f16 of a part of it at a time for the tensor cores (gemm.go).
//
// The rows of a cache lie in cells that package kv gives out. Where there are several sequences each of them sees the pages of a list, which
// comes to the device with every batch (lists.go, pages.go), so that one launch attends for all.
//
// A kernel is text put together from package templates, the frames, and package kernels/cuda, the types, for one pair of types and one head
// size (source.go), compiled for the GPU at hand when it is first needed (compiler.go) and kept on disk (folder.go). Nothing but the driver is needed on the machine once the
// kernels of a model are in the cache.
package cuda
