package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/cmd/internal/progress"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/runtime/fleet"
)

// runFleet has workers run what is missing.
func (f *sweepFlags) runFleet(e *environment, all []*prepared) error {
	if f.fleet.url == localFleet {
		end, err := f.fleet.serve(e, f.out)
		if err != nil {
			return err
		}
		defer end()
	}
	link, err := f.fleet.dial(e)
	if err != nil {
		return err
	}
	defer link.Close()
	var offers []*fleet.Offer
	var models []string
	steps := 0
	for _, p := range all {
		o, err := p.offer(e, link)
		if err != nil {
			return fmt.Errorf("%s: %w", p.s.path, err)
		}
		offers = append(offers, o)
		if p.s.path != embedded {
			models = append(models, p.s.path)
		}
		for _, j := range p.sweep.Jobs(0) {
			steps += len(j.Cells)
		}
	}
	ctx, lost := context.WithCancelCause(e.ctx)
	defer lost(nil)
	if f.fleet.workers > 0 && steps > 0 {
		end, err := f.fleet.startWorkers(e, f.workerArgs(models, f.fleet.workers), lost)
		if err != nil {
			return err
		}
		defer end()
	}
	watch, err := link.Watch(offers, func(line string) { fmt.Fprintln(e.stderr, "note:", line) })
	if err != nil {
		return err
	}
	defer watch()
	var way *progress.Bar
	if steps > 0 {
		way = e.pace("sweep", steps, "a cache on a chunk", "more workers, --chunks N and fewer --cells take less", f.onInterrupt())
		defer way.Finish()
	}
	err = link.Run(ctx, offers, func(done int) {
		if way != nil {
			way.To(done, "")
		}
	})
	if cause := context.Cause(ctx); err != nil && cause != nil && e.ctx.Err() == nil {
		return cause
	}
	if e.ctx.Err() != nil {
		return errors.Join(e.ctx.Err(), err)
	}
	return err
}

// offer makes the offer of a sweep, and brings the model to the server if it is to travel.
func (p *prepared) offer(e *environment, link *fleet.Link) (*fleet.Offer, error) {
	id, err := p.s.identity()
	if err != nil {
		return nil, err
	}
	in := fleet.Inputs{Program: version.Short(), Backend: p.f.backendName(), Model: fleet.Model{Hash: id.Hash()}, Math: p.f.kind.String(), Batch: p.f.batch,
		Reference: p.s.plan, Tasks: p.tasks, Cells: p.cells}
	var paths []string
	if p.f.fleet.send && p.s.path != embedded {
		paths = splitPaths(p.s.path)
		if in.Model.Files, err = fleet.Files(e.ctx, paths); err != nil {
			return nil, err
		}
	}
	o, err := fleet.NewOffer(p.sweep, in)
	if err == nil && paths != nil {
		err = link.Send(e.ctx, paths, in.Model.Files)
	}
	return o, err
}
