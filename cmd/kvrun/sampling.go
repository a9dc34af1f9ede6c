package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/sample"
)

// sampleFlags are llama.cpp's, with its defaults.
type sampleFlags struct {
	sample.Options
	seed    int64
	predict int
	keep    int
	noShift bool
	ignore  bool

	recentAll bool // as many tokens are recent as the context has positions
}

func (f *sampleFlags) add(fs *pflag.FlagSet, predict int) {
	fs.IntVarP(&f.predict, "predict", "n", predict, "`tokens` to generate at most; -1 for no limit, -2 until the context is full")
	fs.Float64Var(&f.Temperature, "temp", .8, "`temperature`; 0 is greedy")
	fs.IntVar(&f.TopK, "top-k", 40, "draw from the `k` most probable; 0 or -1 for all")
	fs.Float64Var(&f.TopP, "top-p", .95, "draw from the fewest with probability `p` together; 1 for all")
	fs.Float64Var(&f.MinP, "min-p", .05, "draw from those at least `p` times as probable as the first; 0 for all")
	fs.Float64Var(&f.Repeat, "repeat-penalty", 1, "`factor` against recent tokens; 1 for none")
	fs.IntVar(&f.RepeatLast, "repeat-last-n", 64, "how many `tokens` are recent; 0 for none, -1 for the context")
	fs.Int64Var(&f.seed, "seed", -1, "`number` that makes draws repeatable (default: a random one, which run reports with --verbose or --json)")
	fs.IntVar(&f.keep, "keep", 0, "`tokens` of the beginning to keep when the context is full; -1 for the prompt, 0 for those that begin a text or set the scene")
	fs.BoolVar(&f.noShift, "no-context-shift", false, "stop when the context is full instead of dropping older half")
	fs.BoolVar(&f.ignore, "ignore-eos", false, "go on after a token that ends a text")
}

// check reads the flags and picks a seed. Numbers below 0 mean what they do in llama.cpp.
func (f *sampleFlags) check() error {
	switch {
	case f.predict < -2:
		return fmt.Errorf("--predict %d: want 0 or more, -1 for no limit or -2 until the context is full", f.predict)
	case f.keep < -1:
		return fmt.Errorf("--keep %d: want 0 or more, or -1 for the whole prompt", f.keep)
	}
	if f.predict == -2 {
		f.predict, f.noShift = -1, true
	}
	if f.keep == -1 {
		f.keep = generate.KeepPrompt
	}
	if f.TopK == -1 {
		f.TopK = 0
	}
	if f.RepeatLast == -1 {
		f.RepeatLast, f.recentAll = 0, true
	}
	if f.seed < 0 {
		f.seed = int64(rand.Uint32())
	}
	f.Seed = uint64(f.seed)
	return f.Options.Check()
}

// sized is the options for a context of so many positions.
func (f *sampleFlags) sized(positions int) sample.Options {
	if f.recentAll {
		f.RepeatLast = positions
	}
	return f.Options
}

// options are the flags for a context of so many positions.
func (f *sampleFlags) options(positions int) generate.Options {
	return generate.Options{Sampling: f.sized(positions), Limit: f.predict, IgnoreEnd: f.ignore, Keep: f.keep, NoShift: f.noShift}
}
