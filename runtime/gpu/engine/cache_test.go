package engine

import (
	"testing"

	"github.com/kvgen/kvgen/runtime/gpu"
)

// recorder is a device that records and counts what was freed.
type recorder struct {
	gpu.Device
	freed int
}

func (r *recorder) Record(func() error) (gpu.Replay, error) { return recorded{r}, nil }

type recorded struct{ *recorder }

func (r recorded) Launch() error { return nil }

func (r recorded) Close() error {
	r.freed++
	return nil
}

// TestKeep records graphs as a cache does whose sequences come and go: they are bounded, and those
// of memory that was allocated anew go.
func TestKeep(t *testing.T) {
	d := &recorder{}
	q := gpu.NewQueue(d)
	c := &cache{graphs: map[graphKey]*gpu.Recording{}}
	record := func(tokens, grown int) {
		t.Helper()
		g, err := q.Record(func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := c.keep(graphKey{tokens: tokens, grown: grown}, g); err != nil {
			t.Fatal(err)
		}
	}
	for i := range mostGraphs {
		record(i, 1)
	}
	if len(c.graphs) != mostGraphs || d.freed != 0 {
		t.Errorf("%d graphs, %d freed", len(c.graphs), d.freed)
	}
	record(mostGraphs, 1)
	if len(c.graphs) != 1 || d.freed != mostGraphs {
		t.Errorf("one more: %d graphs, %d freed", len(c.graphs), d.freed)
	}
	record(0, 1)
	record(0, 2)
	if len(c.graphs) != 1 || d.freed != mostGraphs+2 {
		t.Errorf("after memory was allocated anew: %d graphs, %d freed", len(c.graphs), d.freed)
	}
}
