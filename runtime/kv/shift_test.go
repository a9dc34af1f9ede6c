package kv_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/internal/typetest"
	"github.com/kvgen/kvgen/runtime/kv"
)

func still(int, []float32, int) {}

// shiftable is a cache of one layer with 8 positions.
func shiftable(t *testing.T) *kv.Cache {
	t.Helper()
	q8 := kv.Choice{Type: typetest.ByName("q8_0")}
	c := newCache(t, q8, q8, 40, 8, kv.Layer{Index: 3, Heads: 2, KeyDim: 64, ValueDim: 64})
	fill(t, c, 8)
	return c
}

// TestShiftBounds holds what may be dropped: one position at least, of those there are.
func TestShiftBounds(t *testing.T) {
	for _, s := range []struct {
		keep, discard int
		taken         bool
	}{
		{0, 1, true}, {0, 8, true}, {7, 1, true}, {3, 2, true}, {3, 5, true},
		{-1, 1, false}, {-1, 0, false}, {-1, 5, false}, {0, 0, false}, {3, 0, false}, {3, -1, false},
		{0, 9, false}, {7, 2, false}, {8, 1, false}, {9, 1, false},
	} {
		c := shiftable(t)
		want := 8
		if s.taken {
			want -= s.discard
		}
		err := c.Shift(s.keep, s.discard, still)
		if (err == nil) != s.taken || c.Len() != want {
			t.Errorf("%d positions from %d on: %v, and %d positions are left", s.discard, s.keep, err, c.Len())
		}
		if err != nil && !strings.Contains(err.Error(), "want at least one, and none beyond the end") {
			t.Error(err)
		}
	}
}

// TestShiftStates drops positions in front of a recurrent layer's state. It stays, but where
// nothing is left, and the last positions cannot be dropped alone.
func TestShiftStates(t *testing.T) {
	for _, s := range []struct {
		keep, discard int
		refused       bool
		state         float32
	}{{0, 4, false, 1}, {2, 3, false, 1}, {4, 4, true, 1}, {1, 7, true, 1}, {0, 8, false, 0}} {
		c := shiftable(t)
		c.Clear()
		c.AddState(0, 5)
		fill(t, c, 8)
		c.State(0)[2] = 1
		err := c.Shift(s.keep, s.discard, still)
		if refused := err != nil && strings.Contains(err.Error(), "is recurrent"); refused != s.refused || err != nil && !refused {
			t.Errorf("%d positions from %d on: %v", s.discard, s.keep, err)
		}
		if got := c.State(0)[2]; got != s.state {
			t.Errorf("%d positions from %d on: the state is %g, want %g", s.discard, s.keep, got, s.state)
		}
	}
}

// TestShiftFault turns keys into what their type cannot hold, which is told with the layer.
func TestShiftFault(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		c := shiftable(t)
		var fault *kv.Fault
		err := c.Shift(2, 2, func(_ int, x []float32, _ int) { x[0] = bad })
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), "layer 3") {
			t.Errorf("a key of %v: %v", bad, err)
		}
		if err := shiftable(t).Shift(2, 2, still); err != nil {
			t.Error(err)
		}
	}
}
