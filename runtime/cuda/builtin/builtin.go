// Package builtin holds the kernels that come with the program, for machines with a driver and no
// NVRTC: PTX, which the driver makes machine code of. Each is found by the hash of the source that
// it was made of, so that one of an older source is never used.
//
// Which there are is a text, set.txt; a type that is not in it does not concern this package. The
// archive is made by
//
//	go test ./runtime/cuda -run TestBuiltIn -args -generate -compiler FILE
//
// with the NVRTC that is named, which sets the oldest driver that will do: PTX is for drivers of
// the same version of CUDA or a newer one.
package builtin

import (
	_ "embed"
	"fmt"
	"sync"
)

// File is the name of the archive, in this folder.
const File = "kernels.bin"

//go:embed kernels.bin
var packed []byte

//go:embed set.txt
var text string

// Kernels is the archive. It is unpacked when it is first asked for.
var Kernels = sync.OnceValues(func() (*Archive, error) {
	a, err := Read(packed)
	if err != nil {
		return nil, fmt.Errorf("the kernels that come with the program: %w", err)
	}
	return a, nil
})

// Wanted is the set of kernels that there should be.
var Wanted = sync.OnceValues(func() (*Set, error) { return ParseSet(text) })

// Packed is the bytes of the archive.
func Packed() int { return len(packed) }
