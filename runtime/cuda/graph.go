package cuda

import (
	"errors"
	"runtime"

	"github.com/kvgen/kvgen/runtime/gpu"
)

// graph is a sequence of launches that is started as one.
type graph struct {
	d           *Device
	graph, exec uintptr
}

// Record captures what body launches instead of running it.
func (d *Device) Record(body func() error) (gpu.Replay, error) {
	runtime.LockOSThread() // what one thread begins to capture no other can end
	defer runtime.UnlockOSThread()
	g := &graph{d: d}
	if err := d.do(func() error { return d.api.check(d.api.Capture(d.stream, captureThread), "starting to record a graph") }); err != nil {
		return nil, err
	}
	err := body()
	if e := d.do(func() error { return d.api.check(d.api.EndCapture(d.stream, &g.graph), "recording a graph") }); err == nil {
		err = e
	}
	if err == nil {
		err = d.do(func() error { return d.api.check(d.api.Instantiate(&g.exec, g.graph, 0), "preparing a graph") })
	}
	if err != nil {
		if g.graph != 0 {
			err = errors.Join(err, d.do(func() error { return d.api.check(d.api.GraphDestroy(g.graph), "freeing a graph") }))
		}
		return nil, err
	}
	return g, nil
}

// Launch starts the graph.
func (g *graph) Launch() error {
	return g.d.do(func() error { return g.d.api.check(g.d.api.GraphLaunch(g.exec, g.d.stream), "launching a graph") })
}

// Close frees the graph.
func (g *graph) Close() error {
	return g.d.do(func() error {
		err := g.d.api.check(g.d.api.ExecDestroy(g.exec), "freeing a graph")
		if e := g.d.api.check(g.d.api.GraphDestroy(g.graph), "freeing a graph"); err == nil {
			err = e
		}
		return err
	})
}

// Time returns how many milliseconds each of n runs of body took on the device.
func (d *Device) Time(n int, body func() error) ([]float32, error) {
	var events [2]uintptr
	err := d.do(func() error {
		for i := range events {
			if err := d.api.check(d.api.EventCreate(&events[i], 0), "making an event"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	defer d.do(func() error { d.api.EventDestroy(events[0]); d.api.EventDestroy(events[1]); return nil })
	record := func(e uintptr) error {
		return d.do(func() error { return d.api.check(d.api.EventRecord(e, d.stream), "recording an event") })
	}
	times := make([]float32, n)
	for i := range times {
		if err := record(events[0]); err != nil {
			return nil, err
		}
		if err := body(); err != nil {
			return nil, err
		}
		if err := record(events[1]); err != nil {
			return nil, err
		}
		err := d.do(func() error {
			if err := d.api.check(d.api.EventSync(events[1]), "waiting for %s", d.Name); err != nil {
				return err
			}
			return d.api.check(d.api.EventElapsed(&times[i], events[0], events[1]), "measuring time on %s", d.Name)
		})
		if err != nil {
			return nil, err
		}
	}
	return times, nil
}
