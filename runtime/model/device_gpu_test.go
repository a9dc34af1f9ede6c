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
	return backendOf(t, d)
}

// secondGPU is another one, or the first again where there is no other.
func secondGPU(t *testing.T) model.Device {
	t.Helper()
	d, err := cuda.Open(1)
	if err != nil {
		return openGPU(t)
	}
	return backendOf(t, d)
}

func backendOf(t *testing.T, d *cuda.Device) model.Device {
	t.Helper()
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
