package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// kldFlags are the flags of kvrun kld.
type kldFlags struct {
	modelFlags
	measure  eval.Options
	corpus   string
	ref      string
	format   string
	base     string
	readBase bool
	force    bool // replace an older base file
	diagnose bool
}

// addMeasure adds what is said of any two predictions: of what text, how, and the output's form.
func (f *kldFlags) addMeasure(fs *pflag.FlagSet) {
	fs.StringVarP(&f.corpus, "file", "f", "", "`text` to measure on; - is the standard input (default: the embedded corpus)")
	fs.IntVar(&f.measure.Chunks, "chunks", 0, "measure the first `N` chunks only (default, and -1: all)")
	fs.BoolVar(&f.measure.Decode, "decode", false, "run token by token instead of in batches")
	fs.StringVar(&f.format, "format", "text", "`form` of the output: text, llama (as llama-perplexity prints it) or json")
}

func (f *kldFlags) add(fs *pflag.FlagSet) {
	f.addMeasure(fs)
	fs.StringVar(&f.ref, "ref", "f16", "`type` of the cache to compare with: f16 or f32")
	fs.StringVar(&f.base, "kl-divergence-base", "", "`file` of the reference's distributions, as llama-perplexity has it: written, or with --kl-divergence read")
	fs.BoolVar(&f.readBase, "kl-divergence", false, "compare with the distributions in the file of --kl-divergence-base")
	forceFlag(fs, &f.force)
	fs.BoolVar(&f.diagnose, "diagnose", false, "check each side of each layer alone, and name those that lose more than their type can explain")
	f.modelFlags.add(fs, model.Exact)
}

// check reads them; fs says which were given.
func (f *kldFlags) check(fs *pflag.FlagSet) error {
	if f.json {
		f.format = "json"
	}
	switch {
	case f.format != "text" && f.format != "llama" && f.format != "json":
		return fmt.Errorf("--format %q: want text, llama or json", f.format)
	case f.measure.Chunks < -1:
		return fmt.Errorf("--chunks %d: want 0 or more, or -1 for all", f.measure.Chunks)
	case f.ref != "f16" && f.ref != "f32":
		return fmt.Errorf("--ref %q: want f16 or f32", f.ref)
	case f.readBase && f.base == "":
		return errors.New("--kl-divergence: --kl-divergence-base names the file to read")
	case f.diagnose && (f.base != "" || f.format == "llama"):
		return errors.New("--diagnose: not together with a base file or --format llama")
	case f.diagnose && f.math != model.Exact.String():
		return errors.New("--diagnose: wants --math exact; the fast form rounds queries for packed rows alone, which looks like a fault")
	case f.readBase && fs.Changed("ref"):
		return errors.New("--ref: with --kl-divergence the reference is what is in the file")
	}
	f.measure.Chunks = max(0, f.measure.Chunks)
	return nil
}

// kldCommand compares one cache with a reference.
func kldCommand(e *environment, args []string) error {
	var f kldFlags
	fs := newFlags("kld")
	f.add(fs)
	s, err := e.begin(fs, "[MODEL] [-f FILE] [-ctk TYPE] [-ctv TYPE] [flags]", args, &f.modelFlags, func() error { return f.check(fs) }, func() error {
		if f.diagnose && f.backends != nil {
			return refuse("--diagnose: wants --device cpu: what it compares with are types that are made at run time, which have no kernels for a GPU")
		}
		return nil
	})
	if err != nil {
		return err
	}
	defer s.Close()
	k := &kld{e: e, s: s, f: &f}
	if f.base == "" && !f.diagnose && !f.asked() && f.ref == "f16" {
		s.note("a cache of f16 is compared with a cache of f16, which differ by nothing: -ctk q8_0 -ctv q4_0, say, names the types to judge")
	}
	if f.readBase {
		close, err := k.openBase()
		if err != nil {
			return err
		}
		defer close()
	}
	if f.measure.Context = f.size; f.size == 0 {
		if f.measure.Context = 512; k.base != nil {
			f.measure.Context = k.base.Context
		}
	}
	if err := s.within(f.measure.Context); err != nil {
		return err
	}
	if err := k.readText(); err != nil {
		return err
	}
	switch {
	case f.diagnose:
		return k.diagnose()
	case f.base == "" || f.readBase:
		return k.run(nil)
	}
	file, err := e.files.Create(output.Request{Flag: "--kl-divergence-base", Path: f.base, Kind: output.Base, Force: f.force})
	if err != nil {
		return fmt.Errorf("%w; --kl-divergence reads a base file", err)
	}
	defer file.Close()
	return k.run(file)
}

// kld is one comparison.
type kld struct {
	e      *environment
	s      *session
	f      *kldFlags
	base   *eval.Base // nil for a live reference
	other  *session   // of kvrun compare: the model to compare with
	text   eval.Text  // empty with a base file
	corpus *corpusRecord

	c       *model.Context
	ref     *model.Context // of other
	sums    eval.Sums
	all     []eval.Position
	chunks  []float64 // mean KLD of each
	started time.Time

	interrupted bool
}

// readText reads the corpus, unless the text is in a base file. A corpus that is named beside a
// base file must be the same text.
func (k *kld) readText() error {
	if k.base != nil && k.f.corpus == "" {
		return nil
	}
	text, corpus, err := k.s.corpus(k.e, k.f.corpus)
	if err != nil {
		return err
	}
	if _, err := k.f.measure.Count(text); err != nil {
		return fmt.Errorf("%s: %w", corpus.Path, err)
	}
	k.text, k.corpus = text, &corpus
	if k.base == nil {
		return nil
	}
	for i, t := range k.base.Tokens {
		if i >= len(text.Tokens) || text.Tokens[i] != t {
			return fmt.Errorf("%s: the base file was made of another text, or by another tokenizer: they differ at token %d", k.f.base, i)
		}
	}
	return nil
}

// lockstep prepares the comparison.
func (k *kld) lockstep() (*eval.Lockstep, error) {
	plan, err := k.s.plan, error(nil)
	if k.base == nil && k.other == nil {
		if plan, err = k.s.uniform(k.f.ref); err != nil {
			return nil, err
		}
	}
	k.c, err = k.s.NewContext(model.Options{Plan: plan, Size: k.f.measure.Context, Batch: k.f.batch, Threads: k.f.threads, Math: k.f.kind, Placements: k.f.places, Stop: k.e.ctx.Err})
	if err != nil {
		return nil, err
	}
	switch {
	case k.other != nil:
		return k.comparison()
	case k.base == nil:
		return eval.NewLockstep(k.c, k.text, k.f.measure)
	}
	t, err := k.s.vocabulary()
	if err != nil {
		return nil, err
	}
	l, err := k.base.Lockstep(k.c, t.BOS, t.AddBOS, k.f.measure)
	if err != nil {
		err = fmt.Errorf("%s: %w", k.f.base, err)
	}
	return l, err
}

// run compares, writes the base file unless it is nil, and prints. A base file that cannot be
// written to its end does not end the comparison.
func (k *kld) run(file *output.File) error {
	l, err := k.lockstep()
	for _, c := range []*model.Context{k.c, k.ref} {
		if c != nil {
			defer c.Close()
		}
	}
	if err != nil {
		return err
	}
	var base *eval.BaseWriter
	var failed error
	if file != nil {
		if base, err = eval.NewBaseWriter(file, k.text, k.f.measure, k.s.Vocab); err != nil {
			return err
		}
		l.Visit = func(s eval.Scored) error {
			if failed == nil {
				failed = base.Write(s.Logits)
			}
			return nil
		}
	}
	if k.f.format != "json" {
		k.s.describe(k.e.stderr)
	}
	way := k.e.pace("kld", l.Chunks(), fmt.Sprintf("a chunk of %d tokens", k.f.measure.Context), "--chunks N measures the first N", "prints what is measured by then")
	defer way.Finish()
	k.started = time.Now()
	for i := range l.Chunks() {
		out, err := l.Chunk(k.e.ctx, i, []*kv.Plan{k.s.plan}, nil)
		if errors.Is(err, context.Canceled) && len(k.chunks) > 0 {
			way.Finish()
			k.interrupted = true
			return errors.Join(k.print(), err)
		}
		if err != nil {
			return err
		}
		if err := k.add(out[0], l.Chunks()); err != nil {
			return err
		}
		way.Next(fmt.Sprintf("KLD %.6f so far", k.sums.KLD().Mean))
	}
	way.Finish()
	if base != nil && failed == nil {
		id, err := k.s.identity()
		if err != nil {
			return err
		}
		failed = file.Fill(func(io.Writer) error { return base.Close(id) })
	}
	return errors.Join(k.print(), failed)
}

// add takes the positions of a chunk.
func (k *kld) add(out []eval.Position, chunks int) error {
	mean := 0.0
	for _, p := range out {
		k.sums.Add(p)
		mean += p.KLD / float64(len(out))
	}
	k.all, k.chunks = append(k.all, out...), append(k.chunks, mean)
	if k.f.format != "llama" {
		return nil
	}
	if len(k.chunks) == 1 {
		// llama-perplexity's estimate of the whole, of which the minutes go to the standard output.
		seconds := int(time.Since(k.started).Seconds() * float64(chunks))
		if seconds >= 3600 {
			fmt.Fprintf(k.e.stdout, "%d hours ", seconds/3600)
		}
		fmt.Fprintf(k.e.stdout, "%.2f minutes\n\n", float64(seconds%3600)/60)
		if err := eval.WriteLlamaHead(k.e.stdout); err != nil {
			return err
		}
	}
	return eval.WriteLlamaChunk(k.e.stdout, len(k.chunks), &k.sums)
}
