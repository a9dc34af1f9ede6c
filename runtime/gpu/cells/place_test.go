//go:build emulate || gpu

package cells_test

import (
	"slices"
	"testing"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

// TestPlace fills and empties cells.
func TestPlace(t *testing.T) {
	d := gputest.Open(t)
	place := gputest.Must[*cells.Place](t)(cells.NewPlace(d))
	c := gputest.Must[*cells.Cells](t)(cells.New(d, 64))
	want := gputest.Sequence(100, 64)
	gputest.Check(t, gpu.Write(c.Positions, 0, want))
	gputest.Check(t, place.Run(c, gputest.Upload(t, d, []int32{7, 8, 9}), gputest.Upload(t, d, []int32{3, 64, 60}), 3, gputest.Upload(t, d, []int32{3, 5, -1, 99}), 4))
	want[3], want[60], want[5] = 7, 9, -1
	got := make([]int32, 64)
	gputest.Check(t, gpu.Read(c.Positions, 0, got))
	if !slices.Equal(got, want) {
		t.Errorf("positions are %d, want %d", got, want)
	}
}
