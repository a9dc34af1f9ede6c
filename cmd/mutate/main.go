// Mutate plants single faults in the code and counts those that the tests notice: mutation testing,
// with a counted budget.
//
//	mutate [-seed 1] [-count 200] [-from 0] [-workers 1] [-survivors FILE] [-list] [-atleast 95]
//
// It is run at the root of a checkout. A fault is one change of one expression or statement of a
// file that people write. It is a comparison that is off by one or turned round, an exchanged
// operator, a number that is one more, a condition that is negated, a statement that is left out.
// Of all places of gen, kernels, runtime/kv, runtime/attention and runtime/model COUNT are drawn by
// SEED, so a run can be repeated. Each is planted alone in a clone of what is committed, and the
// suites that plan.go lists for its folder run there until one fails.
//
// A fault is caught by a suite that fails or does not end in the time that it is given. One that
// does not compile is replaced by the next drawn. A survivor is printed, and is a finding unless
// FILE lists it with a reason: a change that nothing can notice, or a suite that is too long for
// every day. -list prints the faults and runs nothing. -from leaves out the first of those drawn,
// so that a long run can be made in parts: each prints where the next begins.
//
// It exits with 0 when at least ATLEAST per cent were caught, 1 when fewer were or a survivor is
// not listed, and 2 when it could not run. A run of 200 takes hours; .ci/mutate is how it is
// started.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
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
	workers   int
	atLeast   float64
	survivors string
	list      bool
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Uint64Var(&o.seed, "seed", 1, "draws the faults")
	flags.IntVar(&o.count, "count", 200, "how many faults are planted")
	flags.IntVar(&o.from, "from", 0, "how many of those drawn are left out first")
	flags.IntVar(&o.workers, "workers", 1, "clones that work at the same time")
	flags.Float64Var(&o.atLeast, "atleast", 95, "per cent that must be caught")
	flags.StringVar(&o.survivors, "survivors", "", "file of survivors with reasons")
	flags.BoolVar(&o.list, "list", false, "print the faults and run nothing")
	if flags.Parse(args) != nil {
		return 2
	}
	if flags.NArg() > 0 || o.count < 1 || o.workers < 1 || o.from < 0 {
		fmt.Fprintln(stderr, "mutate: -count and -workers are at least 1, -from is at least 0, and there are no other arguments; see go doc ./cmd/mutate")
		return 2
	}
	all, err := sites(".")
	if err != nil {
		fmt.Fprintf(stderr, "mutate: %v\n", err)
		return 2
	}
	drawn := draw(all, o.seed)
	drawn = drawn[min(o.from, len(drawn)):]
	if o.list {
		for _, m := range drawn[:min(o.count, len(drawn))] {
			fmt.Fprintln(stdout, m)
		}
		return 0
	}
	known, err := readSurvivors(o.survivors)
	if err != nil {
		fmt.Fprintf(stderr, "mutate: %v\n", err)
		return 2
	}
	fmt.Fprintf(stdout, "%d of %d places, seed %d, from %d\n", min(o.count, len(drawn)), len(all), o.seed, o.from)
	results, next, err := plant(ctx, drawn, o, stdout)
	if err != nil {
		fmt.Fprintf(stderr, "mutate: %v\n", err)
		return 2
	}
	code := report(results, known, o, stdout)
	fmt.Fprintf(stdout, "the next part begins with -from %d\n", o.from+next)
	return code
}
