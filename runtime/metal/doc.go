// Package metal is the gpu.Device of Apple's GPUs: Metal as far as it is used, through messages of
// Objective-C (package objc) and without cgo. What is computed on a device is in packages below
// runtime/gpu.
//
// A kernel is text put together from package templates, the frames, and package kernels/metal, the
// types. The system compiles it when it is first needed (module.go); machine code is kept on disk
// (archive.go). Launches are encoded into one command buffer until somebody waits (encode.go).
// Package fake stands for the system in tests, and package emulate for the GPU.
package metal
