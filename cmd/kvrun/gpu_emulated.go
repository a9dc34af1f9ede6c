//go:build emulate

package main

import (
	"github.com/kvgen/kvgen/runtime/cuda"
	"github.com/kvgen/kvgen/runtime/cuda/emulate"
)

// findGPU opens a GPU that this processor plays, for tests: a kvrun built with the tag emulate has no other.
func findGPU(number int) (*cuda.Device, error) {
	d, err := cuda.OpenWith(emulate.Driver(), number)
	if err != nil {
		return nil, err
	}
	d.Compiler = &cuda.Compiler{Library: emulate.Compiler(), Folder: &cuda.Folder{Path: emulate.Folder()}}
	return d, nil
}
