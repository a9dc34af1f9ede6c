// Package cuda is the gpu.Device of NVIDIA GPUs: the driver (libcuda) and the compiler of kernels
// (NVRTC) as far as they are used, through purego and without cgo. What is computed on a device is
// in packages below runtime/gpu.
//
// A kernel is text put together from package templates, the frames, and package kernels/cuda, the
// types. It is compiled for the GPU at hand when it is first needed (compiler.go) and kept on disk
// (folder.go). Where there is no NVRTC, kernels that come with the program are used (builtin.go).
// Package emulate stands for both libraries in tests.
package cuda
