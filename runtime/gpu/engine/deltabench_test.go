//go:build gpu

package engine

import (
	"fmt"
	"testing"

	"github.com/kvgen/kvgen/kernels/args"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

// TestDeltaBench prints times of a recurrent layer of the size of models that people run.
func TestDeltaBench(t *testing.T) {
	d := gputest.Open(t)
	b := NewBackend(d.Device)
	w := newDeltaNet(16, 32, 128, 4)
	const most = 2048
	o, state, in, _, row := w.onDevice(t, b, most, 1)
	gputest.Check(t, gpu.Write(in, 0, gputest.Normal(7, most*row)))
	fmt.Printf("%s\ngated delta net of 16 and 32 heads of 128\n%8s %9s %12s\n", d.Limits().Name, "tokens", "us", "us per token")
	for _, n := range []int{1, 2, 8, 64, 512, 1024, 2048} {
		us := gputest.GraphTime(t, d, 8, func() error { return o.Launch(state.Address(), args.Sequences{Count: 1, Tokens: int32(n)}) })
		fmt.Printf("%8d %9.2f %12.3f\n", n, us, us/float64(n))
	}
}
