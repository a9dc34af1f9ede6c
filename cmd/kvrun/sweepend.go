package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/report"
)

// sweepResult is the JSON of kvrun sweep.
type sweepResult struct {
	*lab.Result
	Advice      advice `json:"advice,omitzero"`
	Interrupted bool   `json:"interrupted,omitempty"` // by Ctrl-C, so that it is of what was finished
}

// finish prints a result and what to make of it, and writes the page. The result is printed even where the page cannot be written.
func (f *sweepFlags) finish(e *environment, r *lab.Result) error {
	a := advise(r, f.emit)
	var failed error
	if f.page != nil {
		in := report.Input{Result: r, Advice: a.Advice, Warnings: slices.Concat(a.Warnings, r.Notes), Engines: a.Engines, Command: f.command}
		failed = f.page.Fill(func(w io.Writer) error { return report.Write(w, in) })
	}
	if f.json {
		return errors.Join(failed, printJSON(e.stdout, sweepResult{Result: r, Advice: a}))
	}
	if err := f.print(e, r); err != nil {
		return err
	}
	a.print(e.stdout, f.emit != nil)
	if f.page != nil && failed == nil {
		fmt.Fprintln(e.stderr, "report:", f.report)
	}
	return failed
}

// journal is what --out asks for.
func (f *sweepFlags) journal() *output.Request {
	return &output.Request{Flag: "--out", Path: f.out, Kind: output.Journal, Update: true}
}

// openOutputs opens the page, which is written after the work, and looks at the journal.
func (f *sweepFlags) openOutputs(e *environment) (err error) {
	if f.out != "" && f.show == "" {
		if err := e.files.Check(*f.journal()); err != nil {
			return err
		}
	}
	if f.report == "" {
		return nil
	}
	if f.page, err = e.files.Create(output.Request{Flag: "--report", Path: f.report, Kind: output.Page, Force: f.force}); err != nil {
		return err
	}
	if f.page.IsStdout() {
		return fmt.Errorf("--report %s: want a file, the standard output has the table", f.report)
	}
	return nil
}
