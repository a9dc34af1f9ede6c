package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/model"
)

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
	if err := e.parse(fs, "[MODEL] [-f FILE] [flags]", args); err != nil {
		return err
	}
	if math = m.math; !f.Changed || math == "both" {
		math, m.math = "both", model.Exact.String()
	}
	if o.Chunks < 1 {
		return fmt.Errorf("--chunks %d: want 1 or more", o.Chunks)
	}
	if err := m.check(e, fs.Args()); err != nil {
		return err
	}
	s, err := e.open(&m)
	if err != nil {
		return err
	}
	defer s.Close()
	if o.Context = m.size; o.Context == 0 {
		o.Context = 512
	}
	if err := s.within(o.Context); err != nil {
		return err
	}
	text, corpus, err := s.corpus(e, path)
	if err != nil {
		return err
	}
	if _, err := o.Count(text); err != nil {
		return fmt.Errorf("%s: %w", corpus.Path, err)
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

// floor measures the variations of one form of the products, or of both and the one against the other.
func (s *session) floor(e *environment, text eval.Text, o eval.Options, math string) ([]lab.FloorRow, error) {
	f := lab.Floor{Model: s.Model, Text: text, Measure: o,
		Options: model.Options{Plan: s.plan, Batch: s.flags.batch, Threads: s.flags.threads, Math: s.flags.kind, Placements: s.flags.places}}
	forms := []model.Math{s.flags.kind}
	if math == "both" {
		forms = []model.Math{model.Exact, model.Fast}
	}
	var all []lab.FloorRow
	way := e.pace("floor", len(forms)*(1+len(f.Variations()))+len(forms)-1, fmt.Sprintf("a run of %s of %d tokens", counted(o.Chunks, "chunk"), o.Context),
		"--chunks 1 and a shorter -c take less", "prints what is measured by then")
	defer way.finish()
	for _, form := range forms {
		f.Options.Math = form
		vary := f.Variations()
		if len(forms) == 2 && form == model.Exact {
			vary = append(vary, lab.Variation{Name: "int8 activations", Math: model.Fast})
		}
		rows, err := f.Run(e.ctx, vary, func() { way.next("") })
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
