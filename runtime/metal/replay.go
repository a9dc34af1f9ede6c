package metal

import (
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/runtime/gpu"
)

// replay is launches that are started as one. Their arguments lie in memory of their own, so that
// to start them again only sends the messages again, three or four to a kernel. Metal's indirect
// command buffers would spare these, but M1 and M2 are known to hang on them (tinygrad encodes
// empty launches of every pipeline around it), which cannot be tried here.
type replay struct {
	d         *Device
	nodes     []func() error
	args      []byte // while it is recorded
	arguments *piece
}

// Record collects what body launches instead of running it.
func (d *Device) Record(body func() error) (gpu.Replay, error) {
	r := &replay{d: d}
	err := d.do(func() error {
		if d.recording != nil {
			return errors.New("metal: launches are recorded already")
		}
		d.recording = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	failed := body()
	err = d.do(func() error {
		d.recording = nil
		if failed != nil {
			return failed
		}
		p, err := d.newPiece(uint64(len(r.args)))
		if err != nil {
			return fmt.Errorf("%w: for the arguments of %d launches", err, len(r.nodes))
		}
		copy(p.slice(0, uint64(len(r.args))), r.args)
		r.arguments, r.args = p, nil
		return nil
	})
	if err != nil {
		d.mu.Lock()
		d.recording = nil
		d.mu.Unlock()
		return nil, err
	}
	return r, nil
}

// add records a launch.
func (r *replay) add(k *kernel, g gpu.Grid, args []byte) {
	offset := uint64(len(r.args)+255) &^ 255
	r.args = append(append(r.args, make([]byte, offset-uint64(len(r.args)))...), args...)
	r.nodes = append(r.nodes, func() error { return r.d.dispatch(k, g, r.arguments.id, offset) })
}

// Launch starts it, in a command buffer that the GPU begins with at once.
func (r *replay) Launch() error {
	return r.d.do(func() error {
		switch {
		case r.d.recording != nil:
			return errors.New("metal: a recording cannot be part of another")
		case r.arguments == nil:
			return errors.New("metal: the recording is closed")
		}
		r.d.replaying = true
		defer func() { r.d.replaying = false }()
		for _, n := range r.nodes {
			if err := n(); err != nil {
				return err
			}
		}
		r.d.submit()
		return nil
	})
}

// Close frees it. A command buffer keeps what it was told to use.
func (r *replay) Close() error {
	return r.d.do(func() error {
		if r.arguments != nil {
			r.d.api.Release(r.arguments.id)
			r.arguments, r.nodes = nil, nil
		}
		return nil
	})
}
