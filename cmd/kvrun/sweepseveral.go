package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/cmd/internal/table"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/report"
)

// several sweeps several models, and says at the end what all of a family allow.
func (f *sweepFlags) several(e *environment) error {
	if f.out != "" {
		if err := os.MkdirAll(f.out, 0o777); err != nil {
			return fmt.Errorf("--out: of several models it is a folder: %w", err)
		}
	}
	var all []*prepared
	defer func() {
		for _, p := range all {
			p.close()
		}
	}()
	for _, name := range f.models {
		g := *f
		if err := g.check(e, []string{name}); err != nil {
			return err
		}
		g.folder, g.out = f.out, ""
		p, err := g.prepare(e)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, p)
	}
	err := f.run(e, all)
	stopped := errors.Is(err, context.Canceled)
	if err != nil && !stopped {
		return err
	}
	var results []*lab.Result
	for _, p := range all {
		if r := p.sweep.Result(); !stopped || len(r.Tables) > 0 {
			results = append(results, r)
		}
	}
	if err := f.finishSeveral(e, results, stopped); err != nil {
		return err
	}
	switch {
	case stopped && f.out == "":
		return interrupted{"with --out, the same command would go on from here"}
	case stopped:
		return interrupted{"the same command goes on from here: all finished chunks are in " + f.out}
	}
	return nil
}

// severalResult is the JSON of a sweep of several models.
type severalResult struct {
	Models      []sweepResult `json:"models"`
	Families    []lab.Family  `json:"families"`
	Interrupted bool          `json:"interrupted,omitempty"`
}

// finishSeveral prints results with their advice, then that of each family, and writes the page.
func (f *sweepFlags) finishSeveral(e *environment, results []*lab.Result, stopped bool) error {
	all := severalResult{Families: lab.Families(results), Interrupted: stopped}
	var inputs []report.Input
	for _, r := range results {
		a := advise(r, f.emit)
		all.Models = append(all.Models, sweepResult{Result: r, Advice: a})
		inputs = append(inputs, report.Input{Result: r, Advice: a.Advice, Warnings: slices.Concat(a.Warnings, r.Notes)})
	}
	var failed error
	if f.page != nil && !stopped {
		failed = f.page.Fill(func(w io.Writer) error { return report.WriteSeveral(w, inputs, all.Families, f.command) })
	}
	if f.json {
		return errors.Join(failed, printJSON(e.stdout, all))
	}
	for _, m := range all.Models {
		if err := f.print(e, m.Result); err != nil {
			return err
		}
		if f.emit == nil {
			m.Advice.Engines = nil
		}
		m.Advice.print(e.stdout, true)
		fmt.Fprintln(e.stdout)
	}
	for _, x := range all.Families {
		fmt.Fprintf(e.stdout, "%s, %s:\n", tableName(x.Arch), table.Counted(len(x.Models), "model"))
		(&advice{Advice: x.Advice}).print(e.stdout, true)
		fmt.Fprintln(e.stdout)
	}
	if f.page != nil && failed == nil && !stopped {
		fmt.Fprintln(e.stderr, "report:", plain.Name(f.report, 400))
	}
	return failed
}
