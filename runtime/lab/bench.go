package lab

import (
	"context"
	"fmt"

	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// Bench runs the jobs of a sweep on one model. It keeps the context of the task that it ran last.
type Bench struct {
	m     *model.Model
	tasks []Task
	plans []*kv.Plan // of the cells
	o     Options

	stop func() error // of the job that runs
	task int          // of the context
	c    *model.Context
	l    *eval.Lockstep
}

// NewBench prepares to run cells of these plans at the tasks. Close it.
func NewBench(m *model.Model, tasks []Task, plans []*kv.Plan, o Options) *Bench {
	return &Bench{m: m, tasks: tasks, plans: plans, o: o}
}

// Run runs a job and returns its scores, the reference's first. After the reference and after each
// cell it calls ran, unless that is nil.
func (b *Bench) Run(ctx context.Context, job Job, ran func()) ([]Score, error) {
	if job.Task < 0 || job.Task >= len(b.tasks) {
		return nil, fmt.Errorf("task %d: there are %d, from 0", job.Task, len(b.tasks))
	}
	var plans []*kv.Plan
	for _, c := range job.Cells {
		if c < 0 || c >= len(b.plans) {
			return nil, fmt.Errorf("cell %d: there are %d, from 0", c, len(b.plans))
		}
		plans = append(plans, b.plans[c])
	}
	b.stop = ctx.Err
	if err := b.open(job.Task); err != nil {
		return nil, err
	}
	all, err := b.l.Chunk(ctx, job.Chunk, plans, ran)
	if err != nil {
		return nil, err
	}
	var scores []Score
	for i, c := range job.Cells {
		if i == 0 {
			scores = append(scores, Score{job.Task, job.Chunk, Reference, packReference(all[0])})
		}
		scores = append(scores, Score{job.Task, job.Chunk, c, pack(all[i])})
	}
	return scores, nil
}

// open makes the context of a task.
func (b *Bench) open(task int) error {
	if b.c != nil && b.task == task {
		return nil
	}
	b.Close()
	p := b.tasks[task]
	c, err := b.m.NewContext(model.Options{Plan: b.o.Reference, Size: p.Context, Batch: b.o.Batch, Threads: b.o.Threads, Math: b.o.Math, Placements: b.o.Placements, Stop: func() error { return b.stop() }})
	if err != nil {
		return err
	}
	l, err := eval.NewLockstep(c, p.Text, options(p.Setting, b.o.Chunks))
	if err != nil {
		c.Close()
		return err
	}
	b.task, b.c, b.l = task, c, l
	return nil
}

// Close gives the context back.
func (b *Bench) Close() {
	if b.c != nil {
		b.c.Close()
		b.c, b.l = nil, nil
	}
}
