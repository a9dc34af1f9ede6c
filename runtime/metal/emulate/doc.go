// Package emulate is the Metal Shading Language for tests without a Mac: programs are compiled as
// C++ with the header of the folder device and run on one core. It is there with the build tag
// emulate, on Linux and x86-64, and needs g++.
//
//	p, err := emulate.Compile(text)
//	err = p.Kernel("store").Launch(l)
//
// A kernel fails that touches memory outside an allocation or outside its threadgroup memory, that
// takes more threads or more threadgroup memory than there are, that divides an integer by zero,
// uses an address that is not aligned, or whose threads do not all come to a barrier or to an
// instruction of their SIMD group. Fresh memory holds NaN. Programs are C++14 without lambdas, like
// the language itself; what else Apple's compiler refuses is not known here.
package emulate
