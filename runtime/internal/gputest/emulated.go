//go:build emulate && !gpu

package gputest

import (
	"testing"

	"github.com/kvgen/kvgen/runtime/cuda"
	"github.com/kvgen/kvgen/runtime/cuda/emulate"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// Emulating says that the tests run on a CPU, on kernels compiled by g++ (-tags emulate). They are
// about indices and arithmetic.
const Emulating = true

// Open is the device of a test.
func Open(t testing.TB) *gpu.Queue {
	t.Helper()
	d, err := cuda.OpenWith(emulate.Driver(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	d.Compiler = &cuda.Compiler{Library: emulate.Compiler(), Folder: &cuda.Folder{Path: emulate.Folder()}}
	return gpu.NewQueue(d)
}
