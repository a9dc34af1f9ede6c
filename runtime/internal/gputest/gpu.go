//go:build gpu

package gputest

import (
	"flag"
	"testing"

	"github.com/kvgen/kvgen/runtime/cuda"
	"github.com/kvgen/kvgen/runtime/gpu"
)

var nvrtcFile = flag.String("nvrtc", "", "the NVRTC library, where it is not in the usual places")

// Emulating is false where tests run on a GPU (-tags gpu). They fail where there is none.
const Emulating = false

// Open is the device of a test.
func Open(t testing.TB) *gpu.Queue {
	t.Helper()
	d, err := cuda.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	folder, err := cuda.UserFolder()
	if err != nil {
		t.Fatal(err)
	}
	d.Compiler.Folder = folder
	if *nvrtcFile != "" {
		d.Compiler.Files = []string{*nvrtcFile}
	}
	return gpu.NewQueue(d)
}
