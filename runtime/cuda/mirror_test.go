package cuda

import "testing"

// TestKeep records graphs as a cache does whose sequences come and go: they are bounded, and those of memory that was allocated anew go.
func TestKeep(t *testing.T) {
	d, state := opened(t)
	c := &cache{graphs: map[graphKey]*Graph{}}
	record := func(tokens, grown int) {
		t.Helper()
		g, err := d.Record(func() error { return nil })
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
	if len(c.graphs) != mostGraphs || state.calls["cuGraphExecDestroy"] != 0 {
		t.Errorf("%d graphs, %d freed", len(c.graphs), state.calls["cuGraphExecDestroy"])
	}
	record(mostGraphs, 1)
	if len(c.graphs) != 1 || state.calls["cuGraphExecDestroy"] != mostGraphs {
		t.Errorf("one more: %d graphs, %d freed", len(c.graphs), state.calls["cuGraphExecDestroy"])
	}
	record(0, 1)
	record(0, 2)
	if len(c.graphs) != 1 || state.calls["cuGraphDestroy"] != mostGraphs+2 {
		t.Errorf("after memory was allocated anew: %d graphs, %d freed", len(c.graphs), state.calls["cuGraphDestroy"])
	}
}
