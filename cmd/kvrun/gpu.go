//go:build !emulate

package main

import (
	"errors"

	"github.com/kvgen/kvgen/runtime/cuda"
)

// findGPU opens a GPU of this machine. Compiled kernels are kept in the user's folder for caches.
func findGPU(number int) (*cuda.Device, *cuda.Compiler, error) {
	d, err := cuda.Open(number)
	if err != nil {
		return nil, nil, err
	}
	folder, err := cuda.UserFolder()
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	return d, &cuda.Compiler{Folder: folder}, nil
}
