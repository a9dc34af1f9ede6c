// Package cuda holds what the compiler made for NVIDIA GPUs, as text: frames of kernels, and a struct for every type and transform.
// A kernel is put together from them and compiled on the user's machine; see runtime/cuda.
package cuda

import (
	"embed"
	"strings"
)

// Files holds the frames (*.cu, *.cuh), type-NAME.cuh and transform-NAME.cuh.
//
//go:embed *.cu *.cuh
var Files embed.FS

// Ident is the name of the struct of a type or transform.
func Ident(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
