package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/report"
)

// sweepResult is the JSON of kvrun sweep.
type sweepResult struct {
	*lab.Result
	Advice advice `json:"advice"`
}

// finish prints a result and what to make of it, and writes the page. t is nil where the model is not at hand.
func (f *sweepFlags) finish(e *environment, r *lab.Result, t *lab.Traits) error {
	a := advise(r, t, f.emit)
	if f.report != "" {
		in := report.Input{Result: r, Advice: a.Advice, Warnings: a.Warnings, Engines: a.Engines, Command: f.command}
		if err := writeFile(f.report, e.stdout, func(w io.Writer) error { return report.Write(w, in) }); err != nil {
			return err
		}
	}
	if f.json {
		return printJSON(e.stdout, sweepResult{r, a})
	}
	if err := f.print(e, r); err != nil {
		return err
	}
	a.print(e.stdout, f.emit != nil)
	if f.report != "" {
		fmt.Fprintln(e.stderr, "report:", f.report)
	}
	return nil
}

// checkReport finds out before the work whether the page can be written after it.
func checkReport(path string) error {
	if path == "" {
		return nil
	}
	if path == "-" {
		return fmt.Errorf("--report -: want a file, the standard output has the table")
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err == nil && !dir.IsDir() {
		err = fmt.Errorf("%s is no folder", filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("--report %s: %w", path, err)
	}
	if s, err := os.Stat(path); err == nil && s.IsDir() {
		return fmt.Errorf("--report %s: a folder", path)
	}
	return nil
}
