package model

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/kv"
)

// Device is a back end beside the processor, such as a GPU.
type Device interface {
	// Engine takes the model's Program to the device, once for all contexts of that model, and makes what runs batches of
	// at most o.Batch tokens in contexts of o.Size positions.
	Engine(m *Model, o Options) (Engine, error)
}

// Engine runs batches on a device. Like a Context it is for one goroutine at a time.
type Engine interface {
	// Rows makes room on the device for the rows of a cache that keeps none itself (kv.NewElsewhere).
	Rows(c *kv.Cache) (DeviceRows, error)

	// Forward runs tokens that the cache has just placed, the last ones of their sequences: those of the first run, then those
	// of the second and so on. Layers that keep exact rows still have to be given their cells, by kv.Rows.Next.
	Forward(r DeviceRows, tokens []int32, runs []kv.Run) error

	// Hidden copies the vectors that the output matrix multiplies, of tokens lo..hi-1 of the last batch: [hi-lo][Width].
	Hidden(dst []float32, lo, hi int) error

	// Logits is the logits of tokens lo..hi-1 of the last batch, [hi-lo][Vocab].
	Logits(dst []float32, lo, hi int) error

	// Project is the logits [n][Vocab] of n vectors that Hidden gave.
	Project(dst, hidden []float32, n int) error

	// Close gives the memory back that is not shared with other contexts of the model.
	Close() error
}

// DeviceRows is a cache's rows on a device.
type DeviceRows interface {
	Pull() error // copies the rows into the cache (kv.Side.Head), for what is done on the processor
	Push() error // and back

	// CopySeq copies what recurrent layers keep of a sequence to another; rows are shared by kv.Cache.CopySeq.
	CopySeq(from, to int) error
	Close() error
}

// runner computes a context's batches: host on the processor, remote on a device.
type runner interface {
	forward(c *Context, tokens []int32, runs []kv.Run) error        // those of one sequence after those of another
	rows(lo, hi, first int, visit func(int, []float32) error) error // of the last batch, as Context.Eval
	hidden(dst []float32, lo, hi int) error
	project(dst, hidden []float32, n int) error
}

// host is the processor.
type host struct {
	pass *pass
	out  *output
}

func (h *host) forward(c *Context, tokens []int32, runs []kv.Run) error {
	h.pass.cache, h.pass.offsets, h.pass.stop = c.Cache, c.offsets, c.Stop
	return h.pass.forward(tokens, runs)
}

func (h *host) rows(lo, hi, first int, visit func(int, []float32) error) error {
	return h.out.rows(lo, hi, first, visit)
}

func (h *host) hidden(dst []float32, lo, hi int) error {
	h.out.hidden(dst, lo, hi)
	return nil
}

func (h *host) project(dst, hidden []float32, n int) error { return h.out.project(dst, hidden, n) }

// remote is a device.
type remote struct {
	Engine
	m      *Model
	logits []float32 // [outputTile][vocab]
}

func (r *remote) forward(c *Context, tokens []int32, runs []kv.Run) error {
	if c.Stop != nil {
		if err := c.Stop(); err != nil {
			return err
		}
	}
	if err := c.Cache.PlaceRuns(runs); err != nil {
		return err
	}
	err := r.Forward(c.deviceRows, tokens, runs)
	if err != nil && c.keepsExact() {
		for _, run := range runs {
			if run.N > 0 {
				c.Cache.RemoveSeq(run.Seq) // rows that were to leave the exact ones may be nowhere
			}
		}
	}
	return err
}

// keepsExact says whether a layer keeps exact rows.
func (c *Context) keepsExact() bool {
	for i := range c.Cache.Plan.Layers {
		if c.Cache.Rows(i).Exact() {
			return true
		}
	}
	return false
}

func (r *remote) rows(lo, hi, first int, visit func(int, []float32) error) error {
	for ; lo < hi; lo += outputTile {
		n := min(outputTile, hi-lo)
		r.logits = grow(r.logits, n*r.m.Vocab)
		if err := r.Logits(r.logits, lo, lo+n); err != nil {
			return err
		}
		for j := range n {
			if err := shown(r.logits[j*r.m.Vocab:][:r.m.Vocab], first+lo+j, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *remote) hidden(dst []float32, lo, hi int) error { return r.Hidden(dst, lo, hi) }

func (r *remote) project(dst, hidden []float32, n int) error { return r.Project(dst, hidden, n) }

// here runs f with the cache's rows in this process's memory. Rows of a device are brought before and taken back after.
func (c *Context) here(change bool, f func() error) error {
	if c.deviceRows == nil {
		return f()
	}
	c.Cache.Hold()
	defer c.Cache.Release()
	if err := c.deviceRows.Pull(); err != nil {
		return fmt.Errorf("bringing the cache from the device: %w", err)
	}
	if err := f(); err != nil || !change {
		return err
	}
	if err := c.deviceRows.Push(); err != nil {
		c.Cache.Clear() // the device has neither what was nor what is
		return fmt.Errorf("taking the cache back to the device: %w", err)
	}
	return nil
}
