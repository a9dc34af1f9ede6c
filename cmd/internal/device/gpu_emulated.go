//go:build emulate

package device

import (
	"github.com/kvgen/kvgen/runtime/cuda"
	"github.com/kvgen/kvgen/runtime/cuda/emulate"
)

// Open opens a GPU that this processor plays, for tests: a kvrun built with the tag emulate has no
// others than number 0 and 1, each with memory of its own.
func Open(number int) (*cuda.Device, error) {
	if number == 1 {
		number = 0
	}
	d, err := cuda.OpenWith(emulate.Driver(), number)
	if err != nil {
		return nil, err
	}
	d.Compiler = &cuda.Compiler{Library: emulate.Compiler(), Folder: &cuda.Folder{Path: emulate.Folder()}}
	return d, nil
}
