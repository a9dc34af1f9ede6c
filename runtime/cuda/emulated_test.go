//go:build emulate && !gpu

package cuda

import (
	"flag"
	"testing"

	"github.com/kvgen/kvgen/runtime/cuda/emulate"
)

// With the tag emulate the tests run on a CPU, kernels compiled by g++: go test -tags emulate ./runtime/cuda. They are about indices
// and arithmetic.

var allPairs = flag.Bool("pairs", false, "attention of every pair of types")

const emulating = true

func gpu(t testing.TB) (*Device, *Compiler) {
	t.Helper()
	d, err := OpenWith(emulate.Driver(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, &Compiler{Library: emulate.Compiler(), Folder: &Folder{emulate.Folder()}}
}
