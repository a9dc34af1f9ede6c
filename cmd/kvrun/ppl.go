package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/table"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/model"
)

// pplResult is the JSON of kvrun ppl.
type pplResult struct {
	PPL     float64   `json:"ppl"`
	Error   float64   `json:"ppl_stderr"`
	NLL     float64   `json:"nll"` // nats per scored token
	Chunks  int       `json:"n_chunks"`
	Scored  int       `json:"n_scored"`
	Path    string    `json:"path"`    // prefill or decode
	Running []float64 `json:"running"` // PPL after each chunk
	Seconds float64   `json:"seconds"`

	Interrupted bool `json:"interrupted,omitempty"` // by Ctrl-C: of finished chunks

	Corpus corpusRecord `json:"corpus"`
	Record record       `json:"record"`
}

// pplFlags are those of kvrun ppl alone.
type pplFlags struct {
	path, format string
	measure      eval.Options
}

func (f *pplFlags) add(fs *pflag.FlagSet) {
	fs.StringVarP(&f.path, "file", "f", "", "`text` to measure on; - is the standard input (default: the embedded corpus)")
	fs.IntVar(&f.measure.Chunks, "chunks", 0, "measure the first `N` chunks only (default, and -1: all)")
	fs.BoolVar(&f.measure.Decode, "decode", false, "run token by token instead of in batches")
	fs.StringVar(&f.format, "format", "text", "`form` of the output: text, llama (as llama-perplexity prints it) or json")
}

// check reads them; json is the flag of that name.
func (f *pplFlags) check(json bool) error {
	if json {
		f.format = "json"
	}
	switch {
	case f.format != "text" && f.format != "llama" && f.format != "json":
		return fmt.Errorf("--format %q: want text, llama or json", f.format)
	case f.measure.Chunks < -1:
		return fmt.Errorf("--chunks %d: want 0 or more, or -1 for all", f.measure.Chunks)
	}
	f.measure.Chunks = max(0, f.measure.Chunks)
	return nil
}

// pplCommand measures perplexity on a text.
func pplCommand(e *environment, args []string) error {
	var m modelFlags
	var f pplFlags
	fs := newFlags("ppl")
	f.add(fs)
	m.add(fs, model.Exact)
	s, err := e.begin(fs, "[MODEL] [-f FILE] [flags]", args, &m, func() error { return f.check(m.json) }, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	text, corpus, chunks, err := s.passage(e, f.path, &f.measure)
	if err != nil {
		return err
	}
	c, err := s.start(f.measure.Context)
	if err != nil {
		return err
	}
	defer c.Close()
	if f.format != "json" {
		s.describe(e.stderr)
	}
	result := pplResult{Path: "prefill", Corpus: corpus}
	if f.measure.Decode {
		result.Path = "decode"
	}
	err = f.run(e, c, text, chunks, &result)
	if err != nil && !result.Interrupted {
		return err
	}
	result.Record = s.record(c)
	return errors.Join(f.print(e.stdout, &result), err)
}

// run measures. What is finished when it is interrupted is the result.
func (f *pplFlags) run(e *environment, c *model.Context, text eval.Text, chunks int, r *pplResult) error {
	way := e.pace("ppl", chunks, fmt.Sprintf("a chunk of %d tokens", f.measure.Context), "--chunks N measures the first N", "prints what is measured by then")
	defer way.Finish()
	if f.format == "llama" {
		fmt.Fprintf(e.stderr, "perplexity: calculating perplexity over %d chunks, n_ctx=%d, batch_size=%d, n_seq=1\n", chunks, f.measure.Context, c.Batch)
	}
	start := time.Now()
	var last eval.Perplexity
	p, err := eval.Measure(e.ctx, c, text, f.measure, func(p eval.Perplexity) {
		last = p
		r.Running = append(r.Running, p.PPL())
		way.Next(fmt.Sprintf("PPL %.3f so far", p.PPL()))
		if f.format == "llama" {
			fmt.Fprintf(e.stdout, "[%d]%.4f,", p.Chunks, p.PPL())
		}
	})
	if r.Interrupted = errors.Is(err, context.Canceled) && p.Chunks > 0; r.Interrupted {
		p = last // what is finished of a chunk does not count
	}
	r.PPL, r.Error, r.NLL, r.Chunks, r.Scored, r.Seconds = p.PPL(), p.Error(), p.NLL(), p.Chunks, p.Count, time.Since(start).Seconds()
	return err
}

func (f *pplFlags) print(w io.Writer, r *pplResult) (err error) {
	switch {
	case f.format == "json":
		return printJSON(w, r)
	case f.format == "llama" && r.Interrupted:
		_, err = fmt.Fprintln(w) // no estimate is final
	case f.format == "llama":
		_, err = fmt.Fprintf(w, "\nFinal estimate: PPL = %.4f +/- %.5f\n", r.PPL, r.Error)
	default:
		n := f.measure.Context
		_, err = fmt.Fprintf(w, "PPL %.4f +/- %.4f over %d tokens in %s of %d by %s (%s, %.0f tokens/s)\n", r.PPL, r.Error,
			r.Scored, table.Counted(r.Chunks, "chunk"), n, r.Path, r.Corpus.Path, float64(r.Chunks*n)/r.Seconds)
	}
	return err
}

// floorResult is the JSON of kvrun floor.
type floorResult struct {
	Rows   []lab.FloorRow `json:"rows"`
	OK     bool           `json:"ok"` // everything is zero that must be
	Corpus corpusRecord   `json:"corpus"`
	Record record         `json:"record"`

	Interrupted bool `json:"interrupted,omitempty"` // by Ctrl-C, so that rows are missing
}

// floorCommand measures what differs when the same cache is run in different ways.
func floorCommand(e *environment, args []string) error {
	var m modelFlags
	var path, math string
	o := eval.Options{}
	fs := newFlags("floor")
	fs.StringVarP(&path, "file", "f", "", "`text` to measure on; - is the standard input (default: the embedded corpus)")
	fs.IntVar(&o.Chunks, "chunks", 1, "measure the first `N` chunks")
	m.add(fs, model.Exact)
	f := fs.Lookup("math")
	f.DefValue, f.Usage = "both", "`form` of the matrix products: exact (f32 activations), fast (int8 activations) or both"
	s, err := e.begin(fs, "[MODEL] [-f FILE] [flags]", args, &m, func() error {
		if math = m.math; !f.Changed || math == "both" {
			math, m.math = "both", model.Exact.String()
		}
		if o.Chunks < 1 {
			return fmt.Errorf("--chunks %d: want 1 or more", o.Chunks)
		}
		return nil
	}, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	text, corpus, _, err := s.passage(e, path, &o)
	if err != nil {
		return err
	}
	if !m.json {
		s.describe(e.stderr)
	}
	rows, err := s.floor(e, text, o, math)
	stopped := err
	if err != nil && !(errors.Is(err, context.Canceled) && len(rows) > 0) {
		return err
	}
	r := floorResult{Rows: rows, OK: true, Corpus: corpus, Interrupted: stopped != nil, Record: s.record(nil)}
	for _, row := range rows {
		r.OK = r.OK && row.OK
	}
	r.Record.Math = math
	if m.json {
		err = printJSON(e.stdout, r)
	} else {
		err = printFloor(e.stdout, r)
	}
	if stopped != nil {
		return errors.Join(err, stopped)
	}
	if err == nil && !r.OK {
		return refuse("not zero where it must be: results depend on how they are computed")
	}
	return err
}

// floor measures the variations of one form of the products, or of both forms and the one against
// the other.
func (s *session) floor(e *environment, text eval.Text, o eval.Options, math string) ([]lab.FloorRow, error) {
	f := lab.Floor{Model: s.Model, Text: text, Measure: o,
		Options: model.Options{Plan: s.plan, Batch: s.flags.batch, Threads: s.flags.threads, Math: s.flags.kind, Placements: s.flags.places}}
	forms := []model.Math{s.flags.kind}
	if math == "both" {
		forms = []model.Math{model.Exact, model.Fast}
	}
	var all []lab.FloorRow
	way := e.pace("floor", len(forms)*(1+len(f.Variations()))+len(forms)-1, fmt.Sprintf("a run of %s of %d tokens", table.Counted(o.Chunks, "chunk"), o.Context),
		"--chunks 1 and a shorter -c take less", "prints what is measured by then")
	defer way.Finish()
	for _, form := range forms {
		f.Options.Math = form
		vary := f.Variations()
		if len(forms) == 2 && form == model.Exact {
			vary = append(vary, lab.Variation{Name: "int8 activations", Math: model.Fast})
		}
		rows, err := f.Run(e.ctx, vary, func() { way.Next("") })
		if all = append(all, rows...); err != nil {
			return all, err
		}
	}
	return all, nil
}

// printFloor writes the table, one form of the products after another.
func printFloor(w io.Writer, r floorResult) error {
	fmt.Fprintf(w, "%-6s %-20s %12s %12s %9s\n", "math", "reference against", "mean KLD", "max KLD", "same top")
	for _, row := range r.Rows {
		verdict := ""
		switch {
		case !row.OK:
			verdict = "  NOT ZERO, and must be"
		case row.Zero:
			verdict = "  exactly 0, as it must be"
		}
		fmt.Fprintf(w, "%-6s %-20s %12.4g %12.4g %7.2f %%%s\n", row.Math, row.Name, row.Mean, row.Max, 100*row.SameTop, verdict)
	}
	_, err := fmt.Fprintf(w, "%d scored tokens of %s; %s, %d threads. Smaller differences between caches than these mean nothing.\n",
		r.Rows[0].Scored, r.Corpus.Path, r.Record.ISA, r.Record.Threads)
	return err
}
