//go:build gpu

package model_test

import (
	"flag"
	"testing"

	"github.com/kvgen/kvgen/runtime/cuda"
	"github.com/kvgen/kvgen/runtime/gpu/engine"
	"github.com/kvgen/kvgen/runtime/model"
)

var nvrtcFile = flag.String("nvrtc", "", "the NVRTC library, where it is not in the usual places")

func openGPU(t *testing.T) model.Device {
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
	return engine.NewBackend(d)
}
