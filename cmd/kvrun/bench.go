package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/runtime/bench"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// benchFlags are llama-bench's. Those that are lists run every combination.
type benchFlags struct {
	modelFlags
	prompt, gen, depth  string
	promptGen, genAfter []string
	parallel            string
	shared              bool
	threadList          string
	repeat              int
	output              string
	noWarm              bool
}

// benchCommand measures speed.
func benchCommand(e *environment, args []string) error {
	var b benchFlags
	fs := newFlags("bench")
	fs.StringVarP(&b.model, "model", "m", "", "`path` of a GGUF file (default: the embedded model)")
	fs.StringVarP(&b.prompt, "n-prompt", "p", "512", "`tokens` of prompts, a list; 0 for none")
	fs.StringVarP(&b.gen, "n-gen", "n", "128", "`tokens` to generate, a list; 0 for none")
	fs.StringVarP(&b.depth, "n-depth", "d", "0", "`tokens` in the cache before the test, a list")
	fs.StringArrayVar(&b.promptGen, "pg", nil, "`prompt,gen`: a prompt and generation, timed together")
	fs.StringArrayVar(&b.genAfter, "gp", nil, "`prompt,gen`: generation after a prompt that is not timed")
	fs.StringVar(&b.parallel, "n-parallel", "1", "`sequences` that generate at the same time, a list")
	fs.BoolVar(&b.shared, "pp-shared", false, "sequences have the tokens of --n-depth in common, and hold them once")
	fs.IntVarP(&b.repeat, "repetitions", "r", 5, "`times` each test is run")
	fs.StringVarP(&b.output, "output", "o", "md", "`format`: md, json, jsonl or csv")
	fs.BoolVar(&b.noWarm, "no-warmup", false, "no run before the first that counts")
	fs.StringVarP(&b.threadList, "threads", "t", "0", "`numbers` of threads, a list (default: one per core); --cache-type-k and -v are lists too")
	b.addCompute(fs, model.Fast)
	b.cacheFlags.add(fs)
	fs.BoolVar(&b.json, "json", false, "the same as -o json")
	if err := e.parse(fs, "[MODEL] [flags]", args); err != nil {
		return err
	}
	if b.json {
		b.output = "json"
	}
	if _, ok := benchFormats[b.output]; !ok {
		return fmt.Errorf("--output %q: want md, json, jsonl or csv", b.output)
	}
	if b.repeat < 1 || b.repeat > 10000 {
		return fmt.Errorf("--repetitions %d: want 1 to 10000", b.repeat)
	}
	tests, err := b.tests()
	if err != nil {
		return err
	}
	threads, err := numbers("--threads", b.threadList)
	if err != nil {
		return err
	}
	if err := b.check(e, fs.Args()); err != nil {
		return err
	}
	// All combinations are planned before the first is measured, which may take minutes.
	var sessions []*session
	for _, k := range strings.Split(b.typeK, ",") {
		for _, v := range strings.Split(b.typeV, ",") {
			for _, t := range threads {
				m := b.modelFlags
				m.typeK, m.typeV, m.threads = k, v, t
				if err := m.checkCompute(e); err != nil {
					return err
				}
				s, err := e.open(&m)
				if err != nil {
					return err
				}
				defer s.Close()
				sessions = append(sessions, s)
			}
		}
	}
	var rows []benchRow
	for _, s := range sessions {
		more, err := b.measure(e, s, tests)
		if rows = append(rows, more...); err != nil {
			if errors.Is(err, context.Canceled) && len(rows) > 0 {
				err = errors.Join(benchFormats[b.output](e.stdout, rows), err)
			}
			return err
		}
	}
	return benchFormats[b.output](e.stdout, rows)
}

// tests are the tests in llama-bench's order.
func (b *benchFlags) tests() ([]bench.Test, error) {
	prompts, err := numbers("--n-prompt", b.prompt)
	if err != nil {
		return nil, err
	}
	gens, err := numbers("--n-gen", b.gen)
	if err != nil {
		return nil, err
	}
	depths, err := numbers("--n-depth", b.depth)
	if err != nil {
		return nil, err
	}
	parallel, err := numbers("--n-parallel", b.parallel)
	if err != nil {
		return nil, err
	}
	for _, n := range parallel {
		if n < 1 || n > kv.MaxSequences {
			return nil, fmt.Errorf("--n-parallel %d: want 1 to %d", n, kv.MaxSequences)
		}
	}
	var tests []bench.Test
	for _, d := range depths {
		for _, n := range prompts {
			if n > 0 {
				tests = append(tests, bench.Test{Prompt: n, Depth: d})
			}
		}
		for _, n := range gens {
			for _, p := range parallel {
				if t := (bench.Test{Gen: n, Depth: d}); n > 0 {
					if p > 1 {
						t.Parallel, t.Shared = p, b.shared
					}
					tests = append(tests, t)
				}
			}
		}
		for _, s := range b.promptGen {
			n, err := numbers("--pg", s)
			if err != nil || len(n) != 2 {
				return nil, fmt.Errorf("--pg %q: want prompt,gen", s)
			}
			tests = append(tests, bench.Test{Prompt: n[0], Gen: n[1], Depth: d})
		}
	}
	for _, s := range b.genAfter {
		n, err := numbers("--gp", s)
		if err != nil || len(n) != 2 {
			return nil, fmt.Errorf("--gp %q: want prompt,gen", s)
		}
		tests = append(tests, bench.Test{Gen: n[1], Depth: n[0]})
	}
	if len(tests) == 0 {
		return nil, fmt.Errorf("nothing to measure: --n-prompt and --n-gen are 0")
	}
	return tests, nil
}

// measure runs the tests of one combination of types and threads, in one context. After an error there are the rows before it.
func (b *benchFlags) measure(e *environment, s *session, tests []bench.Test) ([]benchRow, error) {
	s.remarks(e.stderr)
	bos := int32(-1)
	if t, err := s.vocabulary(); err == nil && t.AddBOS {
		bos = t.BOS
	}
	way := e.pace("bench", len(tests), fmt.Sprintf("a test, run %d times", b.repeat), "-r 1 runs each once", "prints what is measured by then")
	defer way.finish()
	var rows []benchRow
	for _, t := range tests {
		c, err := s.startAll(t.Size(), t.Sequences(), t.Cells())
		if err != nil {
			return rows, err
		}
		r, err := bench.Run(e.ctx, c, t, bench.Options{Repeat: b.repeat, Warm: !b.noWarm, BOS: bos})
		c.Close()
		if err != nil {
			return rows, err
		}
		rows = append(rows, s.benchRow(c, r))
		way.next("")
	}
	return rows, nil
}

// numbers reads a list of numbers: 1,2,3.
func numbers(flag, list string) ([]int, error) {
	var all []int
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 0 || n > 1<<24 {
			return nil, fmt.Errorf("%s %q: want numbers from 0 to %d", flag, list, 1<<24)
		}
		all = append(all, n)
	}
	return all, nil
}
