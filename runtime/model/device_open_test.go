//go:build emulate || gpu

package model_test

import (
	"testing"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/engine"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
	"github.com/kvgen/kvgen/runtime/model"
)

func openGPU(t *testing.T) model.Device {
	t.Helper()
	return engine.NewBackend(gputest.Must[gpu.Device](t)(gputest.Device(t, 0)))
}

// secondGPU is another one, or the first again where there is no other.
func secondGPU(t *testing.T) model.Device {
	t.Helper()
	d, err := gputest.Device(t, 1)
	if err != nil {
		return openGPU(t)
	}
	return engine.NewBackend(d)
}
