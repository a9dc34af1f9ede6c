package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/cmd/internal/progress"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/policy"
)

// tuneFlags are the flags of kvrun tune.
type tuneFlags struct {
	modelFlags
	budget    string
	bytes     int
	corpus    string
	checks    []string
	typesK    []string
	typesV    []string
	ends      []string
	kOffset   string
	forSize   int
	few, many int
	out       string
	journal   string
	force     bool // replace an older policy
}

// rivals are what other programs offer, to be measured beside what is found.
var rivals = []string{"q8_0", "q4_0", "q4_0:k", "q4_0:kv"}

func (f *tuneFlags) add(fs *pflag.FlagSet) {
	fs.StringVarP(&f.model, "model", "m", "", "`path` of a GGUF file (default: the embedded model)")
	fs.StringVar(&f.budget, "budget", "", "storage of a value, everything counted: 4.5bpv (`bits` per value)")
	fs.IntVar(&f.bytes, "bytes", 0, "the same as `bytes` of the cache of one context")
	fs.StringVarP(&f.corpus, "file", "f", "", "`text` to tune on (default: the embedded corpus)")
	fs.StringArrayVar(&f.checks, "check", nil, "`text` that only verifies, may be repeated (default: the embedded corpus, where --file is another)")
	fs.IntVarP(&f.size, "ctx-size", "c", 0, "`tokens` of a chunk (default: 2048, or the model's if less)")
	fs.IntVar(&f.forSize, "budget-ctx", 0, "`positions` of the context that the budget is for, where exact rows and offsets weigh less than in a short one (default: --ctx-size)")
	fs.IntVar(&f.few, "chunks-tune", 2, "`chunks` to find the sensitivities on")
	fs.IntVar(&f.many, "chunks", 8, "`chunks` of every text to verify on")
	fs.StringSliceVar(&f.typesK, "types-k", nil, "`types` of keys to choose from, +rotation allowed (default: the project's best of 2 to 6 bits, small blocks too, q4_0 and q8_0)")
	fs.StringSliceVar(&f.typesV, "types-v", nil, "`types` of values to choose from")
	fs.StringSliceVar(&f.ends, "ends", []string{"0+0", "4+16", "4+32", "1+8"}, "first+last `rows` to keep exact, to choose from")
	fs.StringVar(&f.kOffset, "k-offset", policy.AutoName, "`constant` taken out of the keys: auto (mean where calibrate was run, else bias where the model has one), off, bias, mean or a file")
	fs.StringVarP(&f.out, "out", "o", "", "`file` for the policy; - is the standard output (default: beside the model, where --cache auto looks)")
	forceFlag(fs, &f.force)
	fs.StringVar(&f.journal, "journal", "", "`file` that every chunk goes to when it is done; the same command goes on where it ended")
	fs.IntVarP(&f.threads, "threads", "t", 0, "`number` of threads (default: one per core, on Macs per performance core)")
	f.addCompute(fs, model.Exact)
	fs.BoolVar(&f.json, "json", false, "print the result as JSON")
}

// check reads them.
func (f *tuneFlags) check() error {
	switch {
	case (f.budget == "") == (f.bytes == 0):
		return errors.New("want one of --budget BITSbpv and --bytes N")
	case f.forSize < 0 || f.forSize > 1<<24:
		return fmt.Errorf("--budget-ctx %d: want 0 to %d", f.forSize, 1<<24)
	case f.bytes < 0:
		return fmt.Errorf("--bytes %d: want 1 or more", f.bytes)
	case f.few < 1 || f.many < 1:
		return errors.New("--chunks and --chunks-tune: want 1 or more")
	}
	f.typeK, f.typeV, f.rotK, f.rotV = "f16", "f16", "off", "off"
	return nil
}

// bits is the budget in bits per value for the model at the context of the flags.
func (f *tuneFlags) bits(s *session) (float64, error) {
	if f.bytes > 0 {
		// Sides of 16 bits say how many values a context has.
		return 16 * float64(f.bytes) / float64(s.plan.Bytes(f.forSize, 1)), nil
	}
	b, err := strconv.ParseFloat(strings.TrimSuffix(f.budget, "bpv"), 64)
	if err != nil || !(b > 0 && b <= 32) {
		return 0, fmt.Errorf("--budget %q: want bits per value up to 32, such as 4.5bpv", f.budget)
	}
	return b, nil
}

// tuneCommand finds the best policy within a budget.
func tuneCommand(e *environment, args []string) error {
	var f tuneFlags
	fs := newFlags("tune")
	f.add(fs)
	var out *output.File
	defer func() {
		if out != nil {
			out.Close()
		}
	}()
	s, err := e.begin(fs, "[MODEL] --budget 4.5bpv [-f FILE] [flags]", args, &f.modelFlags, f.check, func() (err error) {
		out, err = f.openOutputs(e)
		return err
	})
	if err != nil {
		return err
	}
	defer s.Close()
	if f.size == 0 {
		f.size = min(2048, s.Context)
	}
	if f.forSize == 0 {
		f.forSize = f.size
	}
	if err := s.within(f.size); err != nil {
		return err
	}
	t, err := s.tuner(e, &f)
	if err != nil {
		return err
	}
	header, err := s.header(&sweepFlags{modelFlags: f.modelFlags, ref: "f16"})
	if err != nil {
		return err
	}
	journal := lab.NewJournal(header)
	if f.journal != "" {
		if journal, err = lab.Open(f.journal, header); err != nil {
			return err
		}
		defer journal.Close()
		s.notes = append(s.notes, journal.Notes()...)
	}
	s.remarks(e.stderr)
	observe, end := e.tuneProgress()
	found, err := t.Run(e.ctx, journal, observe)
	end()
	if errors.Is(err, context.Canceled) {
		return f.interrupted(e, journal.Result())
	}
	if err != nil {
		return err
	}
	best := found.Result.Tables[0].Cell(found.Best)
	bits, err := s.policyBits(found.Policy, f.forSize)
	if err != nil {
		return err
	}
	file := policy.NewFile(found.Policy, len(s.KVLayers()), f.kOffset, fmt.Sprintf("kvrun tune: %.3f bits per value in a context of %d, mean KLD %.6f in chunks of %d of %s",
		bits, f.forSize, best.KLD.Mean, f.size, found.Result.Tables[0].Corpus.Path))
	if err := file.Seal(header.Model.Identity); err != nil {
		return err
	}
	failed := out.Fill(file.Write)
	to := e.beside(out.IsStdout())
	if f.json {
		return errors.Join(failed, printJSON(to, tuneResult{f.out, t.Budget, found.Best, found.Uniform, file, found.Guesses, found.Layers, found.Result}))
	}
	if err := f.print(to, s.KVLayers(), t.Budget, found, failed == nil); err != nil {
		return err
	}
	if failed != nil && !out.IsStdout() {
		fmt.Fprintln(e.stdout, "\nthe policy, which could not be written:")
		return errors.Join(failed, file.Write(e.stdout))
	}
	return failed
}

// openOutputs opens the policy, which is written after the work, and looks at the journal.
func (f *tuneFlags) openOutputs(e *environment) (*output.File, error) {
	if f.out == "" && f.model == "" {
		return nil, errors.New("the embedded model has no place beside it: --out FILE says where the policy goes")
	} else if f.out == "" {
		f.out = policy.FilePath(f.model)
	}
	if f.journal != "" {
		if err := e.files.Check(output.Request{Flag: "--journal", Path: f.journal, Kind: output.Journal, Update: true}); err != nil {
			return nil, err
		}
	}
	return e.files.Create(output.Request{Flag: "--out", Path: f.out, Kind: output.Policy, Force: f.force})
}

// interrupted prints what is finished and says how to go on.
func (f *tuneFlags) interrupted(e *environment, r *lab.Result) error {
	for i := range r.Tables {
		if f.json {
			break
		}
		if err := printTable(e.stdout, &r.Header, &r.Tables[i]); err != nil {
			return err
		}
	}
	if f.json && len(r.Tables) > 0 {
		printJSON(e.stdout, sweepResult{Result: r, Interrupted: true})
	}
	if f.journal == "" {
		return interrupted{"with --journal, the same command would go on from here"}
	}
	return interrupted{"the same command goes on from here: all finished chunks are in " + f.journal}
}

// policyBits is the storage of a value in a context of size positions.
func (s *session) policyBits(p kv.Policy, size int) (float64, error) {
	plan, err := kv.NewPlan(s.KVLayers(), p)
	if err != nil {
		return 0, err
	}
	return plan.BitsPerValue(size), nil
}

// tuneProgress shows the phases of a run, each of which has a number of steps of its own.
func (e *environment) tuneProgress() (observe func(lab.Progress), end func()) {
	var way *progress.Bar
	var last lab.Progress
	end = func() {
		if way != nil {
			way.Finish()
		}
	}
	observe = func(p lab.Progress) {
		if way == nil || p.Steps != last.Steps || p.Done < last.Done {
			end()
			way = e.pace("tune", p.Steps, "a cache on a chunk of this phase", "--chunks-tune, --chunks and -c say how much there is", "prints what is measured by then")
		}
		way.To(p.Done, "")
		last = p
	}
	return observe, end
}

// tuner makes the candidates of the flags.
func (s *session) tuner(e *environment, f *tuneFlags) (*lab.Tuner, error) {
	t := &lab.Tuner{Model: s.Model, Few: f.few, Many: f.many, Size: f.forSize,
		Options: lab.Options{Reference: s.plan, Math: f.kind, Threads: f.threads, Batch: f.batch, Placements: f.places}}
	var err error
	if t.Budget, err = f.bits(s); err != nil {
		return nil, err
	}
	if f.kOffset == policy.AutoName {
		if f.kOffset = s.cache.BestOffset(); f.kOffset == "off" {
			s.notes = append(s.notes, "no key offset is known for this model; kvrun calibrate measures one")
		}
	}
	if t.K, err = s.candidates("--types-k", f.typesK, f.kOffset); err != nil {
		return nil, err
	}
	if t.V, err = s.candidates("--types-v", f.typesV, "off"); err != nil {
		return nil, err
	}
	for _, x := range f.ends {
		var n kv.Ends
		if got, err := fmt.Sscanf(x+"\n", "%d+%d\n", &n.First, &n.Last); got != 2 || err != nil {
			return nil, fmt.Errorf("--ends %q: want first+last, such as 4+32", x)
		}
		t.Ends = append(t.Ends, n)
	}
	if !slices.Contains(t.Ends, kv.Ends{}) {
		t.Ends = append(t.Ends, kv.Ends{})
	}
	for _, name := range rivals {
		if c, err := s.cellOf(name); err == nil {
			t.Rivals = append(t.Rivals, c)
		}
	}
	return t, s.tunePlaces(e, f, t)
}

// tunePlaces reads the texts.
func (s *session) tunePlaces(e *environment, f *tuneFlags, t *lab.Tuner) error {
	if len(f.checks) == 0 && f.corpus != "" {
		f.checks = []string{""}
	}
	if len(f.checks) == 0 {
		s.notes = append(s.notes, "only one text: --check FILE verifies on another")
	}
	for i, path := range append([]string{f.corpus}, f.checks...) {
		text, c, err := s.corpus(e, path)
		if err != nil {
			return err
		}
		if err := enough(text, c, f.size); err != nil {
			return err
		}
		p := lab.Task{Text: text, Setting: lab.Setting{Corpus: lab.Corpus(c), Context: f.size, Path: lab.Prefill}}
		if i == 0 {
			t.Task = p
		} else {
			t.Checks = append(t.Checks, p)
		}
	}
	return nil
}

// candidates are the choices of a side that names list, or those that fit the model's first layer
// of the default ones.
func (s *session) candidates(flag string, names []string, offset string) (all []kv.Choice, err error) {
	given := len(names) > 0
	if !given {
		names = s.defaultCandidates(flag == "--types-k")
	}
	for _, name := range names {
		c, err := s.cache.Side(flag, name)
		if err != nil {
			return nil, err
		}
		if c.Type.Quantised {
			if c.Offset, err = s.cache.Offset("--k-offset", offset); err != nil {
				return nil, err
			}
		}
		all = append(all, c)
	}
	return all, nil
}

// defaultCandidates are the project's types of 2 to 6 bits in the largest blocks that fit all
// heads. Keys have the smallest blocks too, since some keys have few large values. The types of
// other programs are among them, rotated where the heads allow it.
func (s *session) defaultCandidates(keys bool) (names []string) {
	dim := func(l kv.Layer) int {
		if keys {
			return l.KeyDim
		}
		return l.ValueDim
	}
	for width := 2; width <= 6; width++ {
		family := policy.OwnTypes(s.table, width)
		if c, err := s.cache.FirstFit(family, dim); err == nil {
			names = append(names, c.Type.Name)
			if small := family[len(family)-1]; keys && width > 3 && c.Type.Name != small {
				names = append(names, small)
			}
		}
	}
	turned := s.table.Rotations()[0]
	for _, n := range []string{"q4_0", "q8_0"} {
		fits := true
		for _, l := range s.KVLayers() {
			fits = fits && dim(l)%turned.Transform.Size == 0
		}
		if fits {
			n += "+" + turned.Name
		}
		names = append(names, n)
	}
	return names
}
