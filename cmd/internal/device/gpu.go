//go:build !emulate

package device

import (
	"errors"

	"github.com/kvgen/kvgen/runtime/cuda"
)

// Open opens a GPU of this machine. Compiled kernels are kept in the user's folder for caches.
func Open(number int) (*cuda.Device, error) {
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
