package lab

import (
	"cmp"
	"context"
	"fmt"

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
	r := &run{m: m, o: o, j: j, cells: cells, observe: observe}
	err := r.enter(tasks)
	if err == nil && observe != nil && r.at.Steps > 0 {
		observe(r.at) // so that a progress bar shows before the first step
	}
	for i := 0; i < len(r.settings) && err == nil; i++ {
		err = r.task(ctx, i, tasks[i])
	}
	if err == nil {
		err = j.finish()
	}
	result := &Result{Header: j.Header}
	b := &bootstrap{}
	for _, s := range r.settings {
		if t := j.table(b, s, r.numbers); t.Chunks > 0 {
			result.Tables = append(result.Tables, t)
		}
	}
	return result, err
}

// run is one Run.
type run struct {
	m        *model.Model
	o        Options
	j        *Journal
	cells    []Cell
	observe  func(Progress)
	numbers  []int // of cells in the journal
	settings []int // of tasks in the journal
	chunks   []int // of each task
	at       Progress
}

// enter finds the numbers of settings and cells in the journal, and counts the steps.
func (r *run) enter(tasks []Task) error {
	for i, c := range r.cells {
		for _, other := range r.cells[:i] {
			if other.Name == c.Name {
				return fmt.Errorf("two cells are called %s: names must differ", c.Name)
			}
		}
	}
	for _, p := range tasks { // find every mistake before the first line is written
		o := options(p.Setting, r.o.Chunks)
		n, err := o.Count(p.Text)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Corpus.Path, err)
		}
		r.chunks = append(r.chunks, n)
	}
	for _, c := range r.cells {
		n, err := r.j.cell(c)
		if err != nil {
			return err
		}
		r.numbers = append(r.numbers, n)
	}
	for _, p := range tasks {
		n, err := r.j.setting(p.Setting)
		if err != nil {
			return err
		}
		r.settings = append(r.settings, n)
	}
	return r.add(tasks)
}

// add adds to the journal what is new, and counts the steps.
func (r *run) add(tasks []Task) (err error) {
	for i, n := range r.numbers {
		if n < 0 {
			if r.numbers[i], err = r.j.addCell(r.cells[i]); err != nil {
				return err
			}
		}
	}
	for i, n := range r.settings {
		if n < 0 {
			// the same task may be named twice
			if n, err = r.j.setting(tasks[i].Setting); err == nil && n < 0 {
				n, err = r.j.addSetting(tasks[i].Setting)
			}
			if err != nil {
				return err
			}
			r.settings[i] = n
		}
		for k := range r.chunks[i] {
			if n := len(r.missing(r.settings[i], k)); n > 0 {
				r.at.Steps += 1 + n
			}
		}
	}
	return nil
}

// missing lists the cells that have not finished a chunk.
func (r *run) missing(setting, chunk int) (cells []int) {
	for i, n := range r.numbers {
		if _, done := r.j.chunks[chunkKey{setting, n, chunk}]; !done {
			cells = append(cells, i)
		}
	}
	return cells
}

// task runs the chunks of one task.
func (r *run) task(ctx context.Context, i int, p Task) error {
	r.at.Setting = p.Setting
	c, err := r.m.NewContext(model.Options{Plan: r.o.Reference, Size: p.Context, Batch: r.o.Batch, Threads: r.o.Threads, Math: r.o.Math, Placements: r.o.Placements, Stop: ctx.Err})
	if err != nil {
		return err
	}
	defer c.Close()
	l, err := eval.NewLockstep(c, p.Text, options(p.Setting, r.o.Chunks))
	if err != nil {
		return err
	}
	for k := range r.chunks[i] {
		if err := r.chunk(ctx, l, r.settings[i], k); err != nil {
			return err
		}
	}
	return nil
}

// chunk runs what is missing of a chunk and adds it to the journal.
func (r *run) chunk(ctx context.Context, l *eval.Lockstep, setting, k int) error {
	missing := r.missing(setting, k)
	if len(missing) == 0 {
		return nil
	}
	var plans []*kv.Plan
	for _, i := range missing {
		plans = append(plans, r.cells[i].Plan)
	}
	all, err := l.Chunk(ctx, k, plans, func() {
		r.at.Done++
		if r.observe != nil {
			r.observe(r.at)
		}
	})
	if err != nil {
		return err
	}
	var lines []chunkLine
	if _, done := r.j.chunks[chunkKey{setting, reference, k}]; !done {
		lines = append(lines, packReference(chunkKey{setting, reference, k}, all[0]))
	}
	for n, i := range missing {
		c := pack(chunkKey{setting, r.numbers[i], k}, all[n])
		c.Bits = plans[n].BitsPerValue(cmp.Or(r.j.Header.BudgetContext, r.j.settings[setting].Context))
		c.Bytes = c.Bits / 8 * float64(plans[n].Values())
		lines = append(lines, c)
	}
	return r.j.add(lines)
}

// options returns eval's options for a setting.
func options(s Setting, chunks int) eval.Options {
	return eval.Options{Context: s.Context, Chunks: chunks, Decode: s.Path == Decode}
}
