package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"
	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/llamabench"
	"github.com/kvgen/kvgen/cmd/internal/progress"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/runtime/bench"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// benchFlags are llama-bench's. Those that are lists run every combination.
type benchFlags struct {
	modelFlags
	models              list
	named               hubFlags
	prompt, gen, depth  list
	promptGen, genAfter []string
	parallel            list
	shared              bool
	lists               map[string]*list // of flags that have one value in other commands
	repeat              int
	output, outputErr   string
	noWarm              bool
}

// add defines them.
func (b *benchFlags) add(fs *pflag.FlagSet) {
	fs.VarP(&b.models, "model", "m", "`paths` of GGUF files, a list (default: the embedded model)")
	b.named.add(fs)
	b.prompt, b.gen, b.depth, b.parallel = newList("512"), newList("128"), newList("0"), newList("1")
	fs.VarP(&b.prompt, "n-prompt", "p", "`tokens` of prompts, a list; 0 for none")
	fs.VarP(&b.gen, "n-gen", "n", "`tokens` to generate, a list; 0 for none")
	fs.VarP(&b.depth, "n-depth", "d", "`tokens` in the cache before the test, a list")
	fs.StringArrayVar(&b.promptGen, "pg", nil, "`prompt,gen`: a prompt and generation, timed together")
	fs.StringArrayVar(&b.genAfter, "gp", nil, "`prompt,gen`: generation after a prompt that is not timed")
	fs.Var(&b.parallel, "n-parallel", "`sequences` that generate at the same time, a list")
	fs.BoolVar(&b.shared, "pp-shared", false, "sequences have the tokens of --n-depth in common, and hold them once")
	fs.IntVarP(&b.repeat, "repetitions", "r", 5, "`times` each test is run")
	fs.StringVarP(&b.output, "output", "o", "md", "`format` of the standard output: md, json, jsonl, csv or sql")
	fs.StringVar(&b.outputErr, "output-err", "", "`format` of the same on the standard error (default: nothing)")
	fs.BoolVar(&b.noWarm, "no-warmup", false, "no run before the first that counts")
	fs.IntVarP(&b.threads, "threads", "t", 0, "`numbers` of threads (default: one per core, on Macs per performance core)")
	b.addCompute(fs, model.Fast)
	b.cacheFlags.add(fs)
	fs.BoolVar(&b.json, "json", false, "the same as -o json")
	b.lists = map[string]*list{}
	for _, name := range []string{"threads", "batch-size", "ubatch-size", "cache-type-k", "cache-type-v", "gpu-layers", "flash-attn"} {
		f := fs.Lookup(name)
		l := newList(f.DefValue)
		b.lists[name] = &l
		f.Value, f.Usage = &l, f.Usage+"; a list"
	}
}

// check reads them, args being what was no flag.
func (b *benchFlags) check(e *environment, args []string) error {
	if b.json {
		b.output = "json"
	}
	if !slices.Contains(llamabench.Formats(), b.output) {
		return fmt.Errorf("--output %q: want md, json, jsonl, csv or sql", b.output)
	}
	if b.outputErr == "none" {
		b.outputErr = ""
	}
	if b.outputErr != "" && !slices.Contains(llamabench.Formats(), b.outputErr) {
		return fmt.Errorf("--output-err %q: want md, json, jsonl, csv, sql or none", b.outputErr)
	}
	if b.repeat < 1 || b.repeat > 10000 {
		return fmt.Errorf("--repetitions %d: want 1 to 10000", b.repeat)
	}
	// A comma may be part of a name: a file that is there is one model.
	if whole := b.models.String(); strings.Contains(whole, ",") {
		if _, err := os.Stat(whole); err == nil {
			b.models.items = []string{whole}
		}
	}
	if b.models.items = append(b.models.items, args...); len(b.models.items) == 0 {
		b.models.items = []string{""}
	}
	if b.named.repo+b.named.address != "" && len(b.models.items) > 1 {
		return errors.New("--hf-repo and --model-url are one model each: name several as words, hf:owner/name:quant")
	}
	for i, path := range b.models.items {
		var err error
		if b.models.items[i], err = b.named.path(e, path); err != nil {
			return err
		}
	}
	return b.extend(e)
}

// benchCommand measures speed.
func benchCommand(e *environment, args []string) error {
	var b benchFlags
	fs := newFlags("bench")
	b.add(fs)
	if err := e.parse(fs, "[MODEL...] [flags]", args); err != nil {
		return err
	}
	if err := b.check(e, fs.Args()); err != nil {
		return err
	}
	tests, err := b.tests()
	if err != nil {
		return err
	}
	all, err := b.combinations()
	if err != nil {
		return err
	}
	// All combinations are planned before the first is measured, which may take minutes.
	var sessions []*session
	defer func() {
		for _, s := range sessions {
			s.Close()
		}
	}()
	gpu := false
	for i := range all {
		m := &all[i]
		if err := m.checkCompute(e); err != nil {
			return err
		}
		s, err := e.open(m)
		if err != nil {
			return err
		}
		sessions = append(sessions, s)
		gpu = gpu || m.backends != nil
	}
	columns := llamabench.Columns(fs.Changed, gpu)
	printers := []llamabench.Printer{llamabench.NewPrinter(e.stdout, b.output, e.benchBuild(), columns)}
	if b.outputErr != "" {
		printers = append(printers, llamabench.NewPrinter(e.stderr, b.outputErr, e.benchBuild(), columns))
	}
	way := e.pace("bench", len(tests)*len(sessions), fmt.Sprintf("a test, run %d times", b.repeat), "-r 1 runs each once", "keeps what is printed by then")
	defer way.Finish()
	each := func(do func(llamabench.Printer) error) (err error) {
		for _, p := range printers {
			err = errors.Join(err, do(p))
		}
		return err
	}
	if err := way.Above(func() error { return each(func(p llamabench.Printer) error { return p.Begin() }) }); err != nil {
		return err
	}
	for _, s := range sessions {
		if err = b.measure(e, s, tests, way, func(r llamabench.Row) error { return each(func(p llamabench.Printer) error { return p.Row(r) }) }); err != nil {
			break
		}
	}
	way.Finish()
	return errors.Join(each(func(p llamabench.Printer) error { return p.End() }), err)
}

// maxCombinations is the most that are measured by one command.
const maxCombinations = 4096

// combinations are all that the lists say, in llama-bench's order.
func (b *benchFlags) combinations() ([]modelFlags, error) {
	all := []modelFlags{b.modelFlags}
	multiply := func(items []string, set func(m *modelFlags, item string)) {
		var more []modelFlags
		for _, m := range all {
			for _, item := range items {
				if len(more) <= maxCombinations {
					set(&m, item)
					more = append(more, m)
				}
			}
		}
		all = more
	}
	integers := func(name string, set func(m *modelFlags, n int)) error {
		text := b.lists[name].String()
		if name == "threads" {
			text = strings.ReplaceAll(","+text, ",-1", ",0")[1:] // llama.cpp's word for the default
		}
		ns, err := numbers("--"+name, text)
		if err != nil {
			return err
		}
		items := make([]string, len(ns))
		at := 0
		multiply(items, func(m *modelFlags, _ string) { set(m, ns[at%len(ns)]); at++ })
		return nil
	}
	layers, err := layerList(b.lists["gpu-layers"].items)
	if err != nil {
		return nil, err
	}
	multiply(b.models.items, func(m *modelFlags, s string) { m.model = s })
	multiply(layers, func(m *modelFlags, s string) { m.layers = s })
	if err := integers("batch-size", func(m *modelFlags, n int) { m.batch = n }); err != nil {
		return nil, err
	}
	if err := integers("ubatch-size", func(m *modelFlags, n int) { m.ubatch = n }); err != nil {
		return nil, err
	}
	multiply(b.lists["cache-type-k"].items, func(m *modelFlags, s string) { m.typeK = s })
	multiply(b.lists["cache-type-v"].items, func(m *modelFlags, s string) { m.typeV = s })
	multiply(b.lists["flash-attn"].items, func(m *modelFlags, s string) { m.flash = s })
	if err := integers("threads", func(m *modelFlags, n int) { m.threads = n }); err != nil {
		return nil, err
	}
	if len(all) > maxCombinations {
		return nil, fmt.Errorf("more than %d combinations of the lists", maxCombinations)
	}
	return all, nil
}

// layerList takes ranges of --gpu-layers apart; words stay as they are.
func layerList(items []string) (all []string, err error) {
	for _, item := range items {
		if item == "" || item[0] < '0' || item[0] > '9' {
			all = append(all, item)
			continue
		}
		ns, err := numbers("--gpu-layers", item)
		if err != nil {
			return nil, err
		}
		for _, n := range ns {
			all = append(all, fmt.Sprint(n))
		}
	}
	return all, nil
}

// tests are the tests in llama-bench's order.
func (b *benchFlags) tests() ([]bench.Test, error) {
	prompts, err := numbers("--n-prompt", b.prompt.String())
	if err != nil {
		return nil, err
	}
	gens, err := numbers("--n-gen", b.gen.String())
	if err != nil {
		return nil, err
	}
	depths, err := numbers("--n-depth", b.depth.String())
	if err != nil {
		return nil, err
	}
	parallel, err := numbers("--n-parallel", b.parallel.String())
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

// measure runs the tests of one combination in one context, and gives every row to print when it is
// there.
func (b *benchFlags) measure(e *environment, s *session, tests []bench.Test, way *progress.Bar, row func(llamabench.Row) error) error {
	longest := slices.MaxFunc(tests, func(a, b bench.Test) int { return a.Size() - b.Size() })
	if longest.Size() > s.Context {
		s.notes = append(s.notes, fmt.Sprintf("%s: a context of %d is beyond the %d positions the model was trained for", longest, longest.Size(), s.Context))
	}
	if err := way.Above(func() error { s.remarks(e.stderr); return nil }); err != nil {
		return err
	}
	bos := int32(-1)
	if t, err := s.vocabulary(); err == nil && t.AddBOS {
		bos = t.BOS
	}
	for _, t := range tests {
		c, err := s.startAll(t.Size(), t.Sequences(), t.Cells())
		if err != nil {
			return err
		}
		r, err := bench.Run(e.ctx, c, t, bench.Options{Repeat: b.repeat, Warm: !b.noWarm, BOS: bos})
		c.Close()
		if err != nil {
			return err
		}
		way.Next("")
		if err := way.Above(func() error { return row(s.benchRow(c, r)) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) benchRow(c *model.Context, r *bench.Result) llamabench.Row {
	m := s.modelRecord()
	ns, nsDev := r.Mean()
	ts, tsDev := r.Speed()
	row := llamabench.Row{
		Build: strings.TrimSpace(version.Short()), CPU: strings.TrimSpace(cpuid.CPU.BrandName), Backends: "CPU", Filename: s.path, Size: m.Size, Parameters: m.Parameters,
		Type:    fmt.Sprintf("%s %s %s", m.Arch, short(float64(m.Parameters)), m.Type),
		Threads: s.flags.threads, TypeK: s.flags.typeK, TypeV: s.flags.typeV, Flash: true,
		Mapped: s.path != embedded, Prompt: r.Prompt, Gen: r.Gen, Depth: r.Depth, Parallel: r.Sequences(), Shared: r.Shared, Time: r.Start.UTC().Format(time.RFC3339),
		AvgNS: int64(ns), StddevNS: int64(nsDev), AvgTS: ts, StddevTS: tsDev, SamplesTS: r.Speeds(), Test: r.Test, Math: s.flags.kind.String(), ISA: s.flags.computedBy(), Record: s.record(c),
	}
	if row.Batch = s.flags.batch; row.Batch == 0 {
		row.Batch = defaultBatch
	}
	row.UBatch = row.Batch
	if n, gpus := s.onGPUs(); n > 0 {
		row.Backends, row.GPU, row.GPULayers = s.flags.driverTitles(), gpus, min(n, s.Layers)
	}
	for _, d := range r.Samples {
		row.SamplesNS = append(row.SamplesNS, d.Nanoseconds())
	}
	return row
}

// benchBuild says what measured.
func (e *environment) benchBuild() string {
	return fmt.Sprintf("kvrun %s, %s", strings.TrimSpace(version.Short()), e.kernels().ISA())
}
