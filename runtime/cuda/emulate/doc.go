// Package emulate is a CUDA device for tests that is no GPU: a driver and a compiler of kernels
// with the functions of libcuda and NVRTC that package cuda uses, for cuda.OpenWith and
// cuda.Compiler. It is there with the build tag emulate, on Linux and x86-64, and needs g++.
//
//	d, err := cuda.OpenWith(emulate.Driver(), 0)
//	c := &cuda.Compiler{Library: emulate.Compiler(), Folder: &cuda.Folder{Path: emulate.Folder()}}
//
// Kernels are compiled as C++ with the headers of the folder device in place of the built-in
// functions and of warp.cuh. They run on one core: blocks one after the other, a fibre for every
// thread that has to wait. What is launched runs at once. Captured launches run when their graph is
// launched, with the arguments of the time of capture; what the driver forbids during a capture
// fails.
//
// A kernel fails that touches memory outside an allocation of the device or outside its dynamic
// shared memory, divides by zero, uses an address that is not aligned, or makes threads wait for
// ever. The error names it and the thread. Fresh memory is filled with ones, which are NaN. It says
// nothing of speed, of races, or of what needs a __syncthreads that is not there.
package emulate
