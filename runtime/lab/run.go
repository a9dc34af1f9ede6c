package lab

import (
	"context"

	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// Cell is one way of storing the cache.
type Cell struct {
	Name string // unique in a sweep
	Plan *kv.Plan
	Swap *Swap // nil unless it is the reference but for one side of one layer
}

// Task is a setting with its tokens.
type Task struct {
	Setting
	Text eval.Text
}

// Options say how cells are run.
type Options struct {
	Reference  *kv.Plan
	Chunks     int // of each task at most; 0 for all
	Math       model.Math
	Threads    int               // 0 means one per core
	Batch      int               // 0 means the model's default
	Placements []model.Placement // which device has which layers; nil for all on the processor
}

// Progress is how far a run is. A step is a cell, or the reference, on a chunk; steps found in the
// journal do not count.
type Progress struct {
	Setting     Setting
	Done, Steps int
}

// Run compares the cells with the reference at every task. What the journal has already is not run
// again, and every finished chunk is added to it. observe, unless nil, is called before the first
// step and after each.
//
// Where the run ends early, because ctx is done or by an error, the result is of what is finished.
func Run(ctx context.Context, m *model.Model, tasks []Task, cells []Cell, o Options, j *Journal, observe func(Progress)) (*Result, error) {
	s, err := NewSweep(tasks, cells, o.Chunks, j)
	if err == nil {
		err = s.Run(ctx, m, o, observe)
	}
	return s.Result(), err
}

// Run runs all that is missing in this process, as the function Run.
func (s *Sweep) Run(ctx context.Context, m *model.Model, o Options, observe func(Progress)) error {
	jobs := s.Jobs(0)
	at := Progress{}
	for _, job := range jobs {
		at.Steps += 1 + len(job.Cells)
	}
	step := func() {
		if observe != nil {
			observe(at)
		}
	}
	if at.Steps > 0 {
		step() // so that a progress bar shows before the first step
	}
	b := NewBench(m, s.tasks, s.plans(), o)
	defer b.Close()
	for _, job := range jobs {
		at.Setting = s.tasks[job.Task].Setting
		all, err := b.Run(ctx, job, func() { at.Done++; step() })
		if err == nil {
			err = s.Add(all...)
		}
		if err != nil {
			return err
		}
	}
	return s.Finish()
}

// options returns eval's options for a setting.
func options(s Setting, chunks int) eval.Options {
	return eval.Options{Context: s.Context, Chunks: chunks, Decode: s.Path == Decode}
}
