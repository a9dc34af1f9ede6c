// Package selftest finds out what works on a machine that nobody has tested: every kernel of every
// type under every instruction set that the processor has, whole models on a GPU against the
// processor, and how fast they are. It goes on after a failure. A Report is one JSON file that says
// what the machine is and names no person, host or path.
//
// Kernels are checked by package conform, which the tests of the project use too.
package selftest

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/abi"
	"github.com/kvgen/kvgen/kernels/conform"
)

// Options say what is tested.
type Options struct {
	Table *kernels.Table
	// Types are those that are tested. nil is all of the table, and what is of no type besides:
	// transforms, activations, the embedded model.
	Types []*kernels.Type
	// Oracles are what the kernels of a type are held to, and whether its levels are no integers,
	// as in conform.Subject.
	Oracles func(t *kernels.Type) (all []conform.Oracle, rounded bool)
	// Transform is the oracle of a transform.
	Transform func(t *kernels.Transform) kernels.TransformImpl
	Whole     bool // every shape and input, otherwise a few of each
	Bench     bool
	Threads   int // of the embedded model, 0 for cpu.Threads()
	GPU       *GPU
	// Step is told of every step, of how many there are, before it begins; nil for nobody.
	Step func(name string, steps int)
}

// run is one run of the test.
type run struct {
	Options
	ctx    context.Context
	report *Report
	steps  []step
}

// step is a check or a measurement. It adds to the report.
type step struct {
	check Check // what is known before it runs
	do    func(c *Check) error
}

// Run tests until it is done or ctx is, and says what it found by then.
func Run(ctx context.Context, o Options) *Report {
	start := time.Now()
	r := newRun(ctx, o)
	for i := range r.steps {
		if ctx.Err() != nil {
			r.report.NotRun = len(r.steps) - i
			break
		}
		r.take(i)
	}
	r.report.finish(time.Since(start))
	return r.report
}

// newRun plans a run.
func newRun(ctx context.Context, o Options) *run {
	r := &run{Options: o, ctx: ctx, report: newReport(o)}
	whole := o.Types == nil
	if whole {
		r.Types = o.Table.Types()
	}
	r.planKernels()
	if whole {
		r.planTransforms()
		r.planActivations()
		r.planModel()
	}
	if o.GPU != nil {
		r.planGPU(whole)
	}
	if o.Bench {
		r.planBench(whole)
	}
	return r
}

// take runs a step. One that ctx ended is as if it had not begun.
func (r *run) take(i int) {
	start, s := time.Now(), r.steps[i]
	if r.Step != nil {
		r.Step(s.check.String(), len(r.steps))
	}
	err := guarded(func() error { return s.do(&s.check) })
	if err != nil && r.ctx.Err() != nil {
		r.report.NotRun++
		return
	}
	if s.check.Kind == measures && err == nil {
		return
	}
	s.check.Milliseconds = time.Since(start).Milliseconds()
	s.check.judge(err)
	r.report.Checks = append(r.report.Checks, s.check)
}

// crash is a kernel that touched what it may not, or panicked.
type crash struct{ cause any }

func (c crash) Error() string { return fmt.Sprintf("crashed: %v", c.cause) }

// guarded runs f, and makes an error of a panic and of memory that cannot be touched.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = crash{cause}
		}
	}()
	return f()
}

func (r *run) add(c Check, do func(c *Check) error) { r.steps = append(r.steps, step{c, do}) }

// planKernels has every kernel of every type under every instruction set that has one of its own.
func (r *run) planKernels() {
	for _, t := range r.Types {
		oracles, rounded := r.Oracles(t)
		s := &conform.Subject{Type: t, Oracles: oracles, Rounded: rounded, Round: r.Table.QuantiseAct}
		for i := range t.Impls {
			impl := &t.Impls[i]
			for _, k := range abi.Kinds {
				if !impl.Has(k) || impl.From(k.Name) != impl.ISA {
					continue
				}
				c := Check{Kind: k.Name, Type: t.Name, ISA: impl.ISA}
				for _, o := range oracles {
					c.Against = append(c.Against, o.Name)
				}
				r.add(c, func(*Check) error { return s.Check(impl, k, r.Whole) })
			}
		}
	}
}

func (r *run) planTransforms() {
	for _, t := range r.Table.Transforms() {
		oracle := r.Transform(t)
		for i := range t.Impls {
			impl := &t.Impls[i]
			r.add(Check{Kind: "transform", Type: t.Name, ISA: impl.ISA, Against: []string{oracle.ISA}}, func(*Check) error {
				return conform.Transform(t.Size, impl, &oracle)
			})
		}
	}
}

// planActivations holds the rounding of activations under every instruction set to portable Go.
func (r *run) planActivations() {
	portable, err := r.Table.SelectISA("generic")
	if err != nil {
		return // a table without portable Go has no sets to compare
	}
	for _, isa := range r.Table.ISAs() {
		table, err := r.Table.SelectISA(isa.Name)
		if err != nil || isa.Name == portable.ISA() {
			continue
		}
		r.add(Check{Kind: "round activations", ISA: isa.Name, Against: []string{"portable Go"}}, func(*Check) error {
			return conform.Rounding(table.QuantiseAct, portable.QuantiseAct)
		})
	}
}
