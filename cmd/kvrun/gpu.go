//go:build !emulate

package main

import (
	"errors"

	"github.com/kvgen/kvgen/runtime/cuda"
)

// findGPU opens a GPU of this machine. Compiled kernels are kept in the user's folder for caches.
func findGPU(number int) (*cuda.Device, error) {
	d, err := cuda.Open(number)
	if err != nil {
		return nil, err
	}
	folder, err := cuda.UserFolder()
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.Compiler.Folder = folder
	return d, nil
}
