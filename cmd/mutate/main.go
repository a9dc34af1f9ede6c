//go:build peers

// Mutate plants single faults in the code and counts those that the tests notice: mutation testing,
// with a counted budget.
//
//	mutate [-seed 1] [-count 200] [-from 0] [-only TEXT] [-work DIR]
//	       [-steps tests,generic,emulated] [-survivors FILE] [-list] [-atleast 95] [PACKAGE...]
//
// It is run at the root of a checkout, on a Unix system. A fault is one change of one expression or
// statement of a file that people write. It is a comparison that is off by one or turned round, an
// exchanged operator, a number that is one more, a condition that is negated, a statement that is
// left out. Of all places of the compiler, its kernels, the cache, attention, the engine of the
// processor and the models (folders in sites.go) that compile COUNT are drawn by SEED, so a run can
// be repeated. With -only the places are those whose line in -list contains TEXT.
//
// All faults are compiled into the same programs at once, each in a copy of its function, and a
// process is told which one it has (variants.go). The tests of the packages, all by default, run
// once without a fault, and it is written down which of them reach which function (reach.go). Then
// each fault meets the tests that reach it: first quick ones, those of its own package before
// others, and then the slow ones, until one fails. A step is one of .ci/run: the tests, those of
// kernels, attention and models with KVRUN_ISA=generic, those on an emulated GPU. kvgen check is
// always among them: most faults of the compiler change what it writes, which is committed.
//
// A fault is caught by a test that fails, or that twice does not end in several times its time. A
// survivor is printed, and is a finding unless FILE lists it with a reason: a change that nothing
// can notice, or one of speed alone. -list prints the faults and runs nothing.
//
// DIR holds the clone, the programs and a journal. A run that was interrupted goes on there with
// the same command; without -work it is a temporary folder that is removed. -from leaves out the
// first of those drawn, so that a long run can be made in parts: each prints where the next begins.
//
// It exits with 0 when at least ATLEAST per cent were caught, 1 when fewer were or a survivor is
// not listed, and 2 when it could not run. .ci/mutate is how it is started.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are what the command line says.
type options struct {
	seed      uint64
	count     int
	from      int
	only      string
	work      string
	steps     []string
	packages  []string
	atLeast   float64
	survivors string
	list      bool
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (o options, ok bool) {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Uint64Var(&o.seed, "seed", 1, "draws the faults")
	flags.IntVar(&o.count, "count", 200, "how many faults are planted")
	flags.IntVar(&o.from, "from", 0, "how many of those drawn are left out first")
	flags.StringVar(&o.only, "only", "", "draw among the faults whose line in -list contains this text")
	flags.StringVar(&o.work, "work", "", "folder for the clone, the programs and the journal")
	chosen := flags.String("steps", "tests,generic", "steps of .ci/run, separated by commas: tests, generic, emulated")
	flags.Float64Var(&o.atLeast, "atleast", 95, "per cent that must be caught")
	flags.StringVar(&o.survivors, "survivors", "", "file of survivors with reasons")
	flags.BoolVar(&o.list, "list", false, "print the faults and run nothing")
	if flags.Parse(args) != nil {
		return o, false
	}
	if o.count < 1 || o.from < 0 {
		fmt.Fprintln(stderr, "mutate: -count is at least 1 and -from at least 0; see go doc ./cmd/mutate")
		return o, false
	}
	o.steps = strings.Split(*chosen, ",")
	for _, name := range o.steps {
		if !slices.ContainsFunc(steps, func(s step) bool { return s.name == name }) {
			fmt.Fprintf(stderr, "mutate: -steps: no step %q; there are tests, generic and emulated\n", name)
			return o, false
		}
	}
	if o.packages = flags.Args(); len(o.packages) == 0 {
		o.packages = []string{"./..."}
	}
	return o, true
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, ok := parse(args, stderr)
	if !ok {
		return 2
	}
	results, code := []result(nil), 0
	known, err := readSurvivors(o.survivors)
	if err == nil {
		results, err = plantDrawn(ctx, o, stdout)
	}
	if err == nil && !o.list {
		code = report(results, known, o, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "mutate: %v\n", err)
		return 2
	}
	return code
}

// plantDrawn draws the faults and plants them, or lists them.
func plantDrawn(ctx context.Context, o options, stdout io.Writer) ([]result, error) {
	say := func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) }
	if o.work == "" && !o.list {
		dir, err := os.MkdirTemp("", "mutate-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		o.work = dir
	}
	root := "."
	var w *work
	if !o.list {
		var err error
		if w, err = openWork(ctx, o); err != nil {
			return nil, err
		}
		root = w.clone()
	}
	all, err := sites(root)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(m mutation) bool { return !strings.Contains(m.String(), o.only) })
	drawn := draw(all, o.seed)
	faults, taken, err := compiling(root, drawn[min(o.from, len(drawn)):], o.count)
	if err != nil {
		return nil, err
	}
	if o.list {
		for _, m := range faults {
			say("%s", m)
		}
		return nil, nil
	}
	say("%d of %d places, seed %d, from %d; the next part begins with -from %d", len(faults), len(all), o.seed, o.from, o.from+taken)
	suites, functions, err := w.suites(ctx, faults, o.steps, say)
	if err != nil {
		return nil, err
	}
	return w.plant(ctx, suites, faults, functions, say)
}
