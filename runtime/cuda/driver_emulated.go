//go:build emulate && !gpu

package cuda

import "github.com/kvgen/kvgen/runtime/cuda/emulate"

// open opens a GPU that this processor plays, for tests: a program built with the tag emulate has
// no others than number 0 and 1, each with memory of its own.
func open(number int) (*Device, error) {
	if number == 1 {
		number = 0
	}
	d, err := OpenWith(emulate.Driver(), number)
	if err != nil {
		return nil, err
	}
	d.Compiler = &Compiler{Library: emulate.Compiler(), Folder: &Folder{Path: emulate.Folder()}}
	return d, nil
}
