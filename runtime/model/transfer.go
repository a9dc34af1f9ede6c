package model

import (
	"errors"
	"io"

	"github.com/kvgen/kvgen/runtime/kv"
)

// OnHost says why the rows of some layers are not in this process's memory; nil where all are.
func (c *Context) OnHost() error {
	for i := range c.stages {
		if c.stages[i].device != nil {
			return errors.New("some layers of the model are on a device, and so are their rows")
		}
	}
	return nil
}

// Extract is a cache of one sequence alone, of copies of its rows. They can be saved while the
// context goes on. It is for contexts whose rows are all OnHost.
func (c *Context) Extract(seq int) (*kv.Cache, error) {
	o, err := c.Blank(c.LenSeq(seq))
	if err != nil {
		return nil, err
	}
	return o, o.CopyFrom(c.Cache, seq, 0)
}

// Blank is a cache for Insert of one sequence that holds nothing, with room for n positions.
func (c *Context) Blank(n int) (*kv.Cache, error) {
	if err := c.OnHost(); err != nil {
		return nil, err
	}
	o, err := c.Model.newCache(c.stages, &Options{Plan: c.Cache.Plan, Size: max(1, n), Batch: max(1, min(n, c.Batch))})
	if err == nil {
		o.Hold()
	}
	return o, err
}

// Insert makes a sequence what a cache of Extract or Blank holds.
func (c *Context) Insert(o *kv.Cache, seq int) error {
	if err := c.OnHost(); err != nil {
		return err
	}
	return c.Cache.CopyFrom(o, 0, seq)
}

// SaveCache writes a cache of Extract as Save does the context's. It may run beside the context.
func (c *Context) SaveCache(w io.Writer, o *kv.Cache) error {
	owner, err := c.owner()
	if err != nil {
		return err
	}
	return o.Save(w, owner)
}

// RestoreCache reads into a cache of Blank what Save or SaveCache wrote, as Restore does. It may
// run beside the context.
func (c *Context) RestoreCache(r io.Reader, o *kv.Cache) error {
	owner, err := c.owner()
	if err != nil {
		return err
	}
	return o.Restore(r, owner)
}
