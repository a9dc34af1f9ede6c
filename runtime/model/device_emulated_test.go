//go:build emulate && !gpu

package model_test

import (
	"testing"

	"github.com/kvgen/kvgen/runtime/cuda"
	"github.com/kvgen/kvgen/runtime/cuda/emulate"
	"github.com/kvgen/kvgen/runtime/gpu/engine"
	"github.com/kvgen/kvgen/runtime/model"
)

// secondGPU is another one, with memory of its own.
func secondGPU(t *testing.T) model.Device { return openGPU(t) }

func openGPU(t *testing.T) model.Device {
	t.Helper()
	d, err := cuda.OpenWith(emulate.Driver(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	d.Compiler = &cuda.Compiler{Library: emulate.Compiler(), Folder: &cuda.Folder{Path: emulate.Folder()}}
	return engine.NewBackend(d)
}
