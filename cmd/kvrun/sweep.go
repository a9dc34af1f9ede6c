package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/engine"
	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/cmd/internal/progress"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/model"
)

// sweepChunks is the default of --chunks: enough for intervals, and hours less than all of a usual
// text.
const sweepChunks = 16

// sweepFlags are the flags of kvrun sweep.
type sweepFlags struct {
	modelFlags
	corpora  []string
	contexts string
	paths    string
	chunks   int
	forSize  int // positions that bits are counted at, 0 for those of a chunk
	ref      string
	byLayer  string
	out      string
	show     []string
	report   string
	force    bool         // replace an older page
	page     *output.File // of report, nil for none
	emit     []string
	chats    []string
	command  string // that repeats it
	grid     gridFlags
	fleet    fleetFlags

	folder string   // of the journals of several models
	sizes  []int    // of contexts
	models []string // that are given, none for the embedded one
}

func (f *sweepFlags) parse(e *environment, args []string) error {
	fs := newFlags("sweep")
	fs.StringVarP(&f.model, "model", "m", "", "`path` of a GGUF file (default: the embedded model)")
	fs.StringArrayVarP(&f.corpora, "file", "f", nil, "`text` to measure on, may be repeated (default: the embedded corpus)")
	fs.StringVarP(&f.contexts, "ctx-size", "c", "512", "`tokens` of a chunk, a list")
	fs.StringVar(&f.paths, "path", lab.Prefill, "`paths`, a list: prefill (batches), decode (token by token)")
	fs.IntVar(&f.chunks, "chunks", sweepChunks, "measure the first `N` chunks of every text; -1 measures all")
	fs.IntVar(&f.forSize, "budget-ctx", 0, "`positions` of the context that bits per value are counted in, where exact rows and offsets weigh less than in a short one (default: --ctx-size)")
	fs.StringVar(&f.ref, "ref", "f16", "`type` of the cache to compare with: f16 or f32")
	f.grid.add(fs)
	fs.StringVar(&f.byLayer, "by-layer", "", "also one side of one layer at a time in this `type`, all else as the reference")
	fs.StringVarP(&f.out, "out", "o", "", "`file` that every chunk goes to when it is done, of several models a folder of such files; the same command goes on where it ended")
	fs.StringArrayVar(&f.show, "show", nil, "print the results in a `file` of --out and measure nothing; of several models it is given again")
	fs.StringArrayVar(&f.chats, "chat", nil, "conversations to measure on, in the model's chat template: a `file` of JSON lines, {\"messages\": [{\"role\": ..., \"content\": ...}]} with OpenAI's tool_calls, tool_call_id, name and reasoning_content; may be repeated")
	f.templateFlag(fs)
	fs.StringVar(&f.report, "report", "", "also make a page of the result: an HTML `file`")
	forceFlag(fs, &f.force)
	fs.StringSliceVar(&f.emit, "emit", nil, "spell the recommendation for an `engine`, on the page of --report too: llama.cpp, fork, ik, ollama, kvrun")
	fs.IntVarP(&f.threads, "threads", "t", 0, "`number` of threads (default: one per core, on Macs per performance core)")
	f.addCompute(fs, model.Exact)
	fs.BoolVar(&f.allowFallback, "allow-fallback", false, "go on with something else where a request cannot be honoured")
	f.fleet.add(fs)
	fs.BoolVar(&f.json, "json", false, "print the result as JSON")
	if err := e.parse(fs, "[MODEL]... [-f FILE]... [--cells K/V,...] [--out FILE] [flags]", args); err != nil {
		return err
	}
	if err := checkEmit(f.emit); err != nil {
		return err
	}
	f.command = "kvrun sweep"
	for _, a := range args {
		f.command += " " + engine.ShellQuote(a)
	}
	// The cells say what is stored how; the session's own plan is the reference.
	f.typeK, f.typeV, f.rotK, f.rotV = f.ref, f.ref, "off", "off"
	var err error
	if f.sizes, err = numbers("--ctx-size", f.contexts); err != nil {
		return err
	}
	for _, n := range f.sizes {
		if n < 4 || n > 1<<24 {
			return fmt.Errorf("--ctx-size %d: want 4 to %d", n, 1<<24)
		}
	}
	for _, p := range strings.Split(f.paths, ",") {
		if p != lab.Prefill && p != lab.Decode {
			return fmt.Errorf("--path %q: want prefill, decode or both with a comma", p)
		}
	}
	switch {
	case f.chunks < -1:
		return fmt.Errorf("--chunks %d: want 0 or more, or -1 for all", f.chunks)
	case f.forSize < 0 || f.forSize > 1<<24:
		return fmt.Errorf("--budget-ctx %d: want 0 to %d", f.forSize, 1<<24)
	case f.ref != "f16" && f.ref != "f32":
		return fmt.Errorf("--ref %q: want f16 or f32", f.ref)
	case len(f.sizes) == 0:
		return errors.New("--ctx-size: no number")
	}
	f.chunks = max(0, f.chunks)
	if len(f.corpora)+len(f.chats) == 0 {
		f.corpora = []string{""}
	}
	if f.models = fs.Args(); len(f.models) > 1 {
		if f.model != "" {
			return fmt.Errorf("-m names one model, and there are %d more", len(f.models))
		}
		return f.checkCompute(e)
	}
	return f.check(e, f.models)
}

// sweepCommand compares many caches with one reference.
func sweepCommand(e *environment, args []string) error {
	var f sweepFlags
	if err := f.parse(e, args); err != nil {
		return err
	}
	if err := f.fleet.check(f.threads, f.backends != nil); err != nil {
		return err
	}
	if err := f.openOutputs(e); err != nil {
		return err
	}
	if f.page != nil {
		defer f.page.Close()
	}
	if f.show != nil {
		return f.showAgain(e)
	}
	if len(f.models) > 1 {
		return f.several(e)
	}
	p, err := f.prepare(e)
	if err != nil {
		return err
	}
	defer p.close()
	err = f.run(e, []*prepared{p})
	if errors.Is(err, context.Canceled) {
		return f.interrupted(e, p.sweep.Result())
	}
	if err != nil {
		return err
	}
	return f.finish(e, p.sweep.Result())
}

// prepared is a model with all that is to be measured on it.
type prepared struct {
	f       *sweepFlags
	s       *session
	tasks   []lab.Task
	cells   []lab.Cell
	journal *lab.Journal
	sweep   *lab.Sweep
}

// prepare opens the model, plans the caches, reads the texts and opens the journal.
func (f *sweepFlags) prepare(e *environment) (_ *prepared, err error) {
	p := &prepared{f: f}
	if p.s, err = e.open(&f.modelFlags); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.cells, err = p.s.grid(f); err != nil {
		return nil, err
	}
	if p.tasks, err = p.s.tasks(e, f); err != nil {
		return nil, err
	}
	header, err := p.s.header(f)
	if err != nil {
		return nil, err
	}
	traits, err := lab.Examine(e.ctx, p.s.Model, p.tasks[0].Text.Tokens)
	if err != nil {
		return nil, err
	}
	header.Traits, header.BudgetContext = &traits, f.forSize
	if f.folder != "" { // files of many models are called model.gguf
		base := strings.TrimSuffix(filepath.Base(p.s.path), ".gguf")
		f.out = filepath.Join(f.folder, fmt.Sprintf("%s-%.8s.jsonl", base, header.Model.Hash))
		if err := e.files.Check(*f.journal()); err != nil {
			return nil, err
		}
	}
	if p.journal, err = f.openJournal(p.s, header); err != nil {
		return nil, err
	}
	p.s.describeSweep(e, f, p.cells, p.tasks)
	p.sweep, err = lab.NewSweep(p.tasks, p.cells, f.chunks, p.journal)
	return p, err
}

func (p *prepared) close() {
	if p.journal != nil {
		p.journal.Close()
	}
	p.s.Close()
}

// run runs what is missing of the sweeps: here, one after the other, or on a fleet.
func (f *sweepFlags) run(e *environment, all []*prepared) error {
	if f.fleet.url != "" {
		return f.runFleet(e, all)
	}
	for _, p := range all {
		if err := p.run(e); err != nil {
			return err
		}
	}
	return nil
}

// run runs what is missing in this process.
func (p *prepared) run(e *environment) error {
	f := p.f
	var way *progress.Bar
	err := p.sweep.Run(e.ctx, p.s.Model, lab.Options{Reference: p.s.plan, Chunks: f.chunks, Math: f.kind, Threads: f.threads, Batch: f.batch, Placements: f.places},
		func(at lab.Progress) {
			if way == nil {
				way = e.pace("sweep", at.Steps, "a cache on a chunk", "--chunks N and fewer --cells take less", f.onInterrupt())
			}
			way.To(at.Done, "")
		})
	if way != nil {
		way.Finish()
	}
	return err
}

// showAgain prints the results that are in files.
func (f *sweepFlags) showAgain(e *environment) error {
	var all []*lab.Result
	for _, path := range f.show {
		if err := e.files.Input("--show", path); err != nil {
			return err
		}
		r, err := lab.Read(path)
		if err != nil {
			return err
		}
		for _, n := range r.Notes {
			fmt.Fprintln(e.stderr, "note:", n)
		}
		all = append(all, r)
	}
	if len(all) > 1 {
		return f.finishSeveral(e, all, false)
	}
	return f.finish(e, all[0])
}

// openJournal opens what every chunk goes to when it is done; without --out that is nothing.
func (f *sweepFlags) openJournal(s *session, header lab.Header) (*lab.Journal, error) {
	if f.out == "" {
		return lab.NewJournal(header), nil
	}
	journal, err := lab.Open(f.out, header)
	var opening *os.PathError
	if errors.As(err, &opening) && opening.Op == "open" {
		return nil, f.journal().Cannot(err)
	}
	if err != nil {
		return nil, err
	}
	s.notes = append(s.notes, journal.Notes()...)
	return journal, nil
}

// describeSweep says what is to be known of what is measured.
func (s *session) describeSweep(e *environment, f *sweepFlags, cells []lab.Cell, tasks []lab.Task) {
	if f.forSize == 0 && slices.ContainsFunc(cells, func(c lab.Cell) bool { return exactRows(c.Plan) }) {
		s.notes = append(s.notes, "exact rows are counted in the chunk that is measured, where they weigh the most; --budget-ctx N counts bits in a context of N positions")
	}
	s.remarks(e.stderr)
	for _, p := range tasks {
		if all, err := (eval.Options{Context: p.Context}).Count(p.Text); err == nil && f.chunks > 0 && all > f.chunks {
			fmt.Fprintf(e.stderr, "note: the first %d of the %d chunks of %d tokens that %s has; --chunks -1 measures all\n", f.chunks, all, p.Context, plain.Name(p.Corpus.Path, 400))
		}
	}
}

// exactRows reports whether a plan keeps rows exact.
func exactRows(p *kv.Plan) bool {
	return slices.ContainsFunc(p.Layers, func(l kv.LayerPlan) bool { return l.Ends.Type != nil })
}

// onInterrupt is what Ctrl-C does.
func (f *sweepFlags) onInterrupt() string {
	if f.out != "" {
		return "prints what is measured by then, and the same command goes on from there"
	}
	return "prints what is measured by then"
}

// interrupted prints what is finished and says how to go on.
func (f *sweepFlags) interrupted(e *environment, r *lab.Result) error {
	if len(r.Tables) > 0 {
		if f.json {
			printJSON(e.stdout, sweepResult{Result: r, Interrupted: true})
		} else {
			f.print(e, r)
		}
	}
	if f.out == "" {
		return interrupted{"with --out, the same command would go on from here"}
	}
	return interrupted{"the same command goes on from here: all finished chunks are in " + f.out}
}

// header is what the journal remembers of the run.
func (s *session) header(f *sweepFlags) (lab.Header, error) {
	m := s.modelRecord()
	id, err := s.identity()
	if err != nil {
		return lab.Header{}, err
	}
	name, _, _ := s.File.Str("general.name")
	return lab.Header{Program: version.Short(), Model: lab.Model{Path: m.Path, Name: plain.Name(name, 200), Hash: id.Hash(), Arch: m.Arch, Type: m.Type, Size: m.Size, Parameters: m.Parameters, Identity: id},
		Reference: f.ref, Math: f.kind.String(), ISA: f.computedBy(), Threads: f.threads, Batch: f.batch}, nil
}

// tasks are the texts, contexts and paths of the flags.
func (s *session) tasks(e *environment, f *sweepFlags) (tasks []lab.Task, err error) {
	for _, n := range f.sizes {
		if err := s.within(n); err != nil {
			return nil, err
		}
	}
	for i, path := range slices.Concat(f.corpora, f.chats) {
		read := s.corpus
		if i >= len(f.corpora) {
			read = s.conversations
		}
		text, c, err := read(e, path)
		if err != nil {
			return nil, err
		}
		for _, n := range f.sizes {
			if err := enough(text, c, n); err != nil {
				return nil, err
			}
			for _, way := range strings.Split(f.paths, ",") {
				tasks = append(tasks, lab.Task{Text: text, Setting: lab.Setting{Corpus: lab.Corpus(c), Context: n, Path: way}})
			}
		}
	}
	return tasks, nil
}

// byLayer is a cell for every side of every layer: the reference but for that side, which has the
// type asked for.
func (s *session) byLayer(f *sweepFlags) (cells []lab.Cell, err error) {
	want, err := s.cache.Side("--by-layer", f.byLayer)
	if err != nil {
		return nil, err
	}
	ref := kv.Choice{Type: s.table.ByName(f.ref)}
	for i, l := range s.KVLayers() {
		for k, side := range []string{"K", "V"} {
			sides := [2]kv.Choice{ref, ref}
			sides[k] = want
			plan, err := kv.NewPlan(s.KVLayers(), kv.Policy{K: ref, V: ref, Layers: map[int][2]kv.Choice{i: sides}})
			if err != nil {
				return nil, refuse("--by-layer %s: %w", f.byLayer, err)
			}
			cells = append(cells, lab.Cell{Name: fmt.Sprintf("layer %d %s %s", l.Index, side, want), Plan: plan,
				Swap: &lab.Swap{Layer: l.Index, Side: side, Type: want.String()}})
		}
	}
	return cells, nil
}

// gridFlags say which cells there are.
type gridFlags struct {
	cells          []string
	typesK, typesV string
	rot, extras    string
}

func (g *gridFlags) add(fs *pflag.FlagSet) {
	fs.StringSliceVar(&g.cells, "cells", nil, "caches to compare, `K/V,...`: q8_0/turbo4, q4_0:kv (rotated on both sides), q4_0+attn128/q8_0, q4_0-mean/q4_0@4+32 (extras) or a policy file (default: the cells of the study)")
	fs.StringVar(&g.typesK, "types-k", "", "`types` of keys, a list: every one with every one of --types-v, --rot and --extras")
	fs.StringVar(&g.typesV, "types-v", "", "`types` of values, a list")
	fs.StringVar(&g.rot, "rot", "off", "`rotations` of the grid, a list of off, k, v, kv")
	fs.StringVar(&g.extras, "extras", "off", "`extras` of the grid, a list: off, bias or mean (taken out of the keys), @4+32 (first and last rows exact), mean@4+32")
}
