//go:build gpu

package cuda

import (
	"flag"
	"testing"
)

// With the tag gpu the tests run on a GPU: go test -tags gpu ./runtime/cuda -args -nvrtc FILE. They fail where there is none.

var (
	nvrtcFile = flag.String("nvrtc", "", "the NVRTC library")
	allPairs  = flag.Bool("pairs", false, "attention of every pair of types")
)

const emulating = false

func gpu(t testing.TB) (*Device, *Compiler) {
	t.Helper()
	d, err := Open(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	folder, err := UserFolder()
	if err != nil {
		t.Fatal(err)
	}
	c := &Compiler{Folder: folder}
	if *nvrtcFile != "" {
		c.Files = []string{*nvrtcFile}
	}
	return d, c
}
