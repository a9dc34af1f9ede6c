package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/cmd/internal/table"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/policy"
	"github.com/kvgen/kvgen/runtime/report"
)

// tableName is a name from a journal as tables have it.
func tableName(name string) string { return plain.Name(name, 80) }

// print prints the tables of a result.
func (f *sweepFlags) print(e *environment, r *lab.Result) error {
	fmt.Fprintf(e.stdout, "%s %.12s (%s, %s)\n", plain.Name(r.Model.Path, 400), r.Model.Hash, tableName(r.Model.Arch), tableName(r.Model.Type))
	for i := range r.Tables {
		fmt.Fprintln(e.stdout)
		if err := printTable(e.stdout, &r.Header, &r.Tables[i]); err != nil {
			return err
		}
	}
	return nil
}

// printTable prints the cells of a setting, those that keep predictions best first, and those by
// layer apart.
func printTable(w io.Writer, h *lab.Header, t *lab.Table) error {
	fmt.Fprintf(w, "%s, %s of %d tokens by %s; %s math, %s; reference: a cache of %s, PPL %.4f +- %.4f\n", plain.Name(t.Corpus.Path, 400), table.Counted(t.Chunks, "chunk"), t.Context, t.Path,
		tableName(h.Math), tableName(h.ISA), tableName(h.Reference), t.PPL, t.PPLError)
	cells := slices.Clone(t.Cells)
	slices.SortStableFunc(cells, func(a, b lab.CellResult) int { return cmp.Compare(a.KLD.Mean, b.KLD.Mean) })
	swaps := slices.DeleteFunc(slices.Clone(cells), func(c lab.CellResult) bool { return c.Swap == nil })
	cells = slices.DeleteFunc(cells, func(c lab.CellResult) bool { return c.Swap != nil })
	misled := false
	if len(cells) > 0 {
		rows := table.Table{{"cell", "bits/value", "bytes/token", "mean KLD", "95 % interval", "", "median", "99 %", "99.9 %", "max", "same top", "delta p", "PPL", " "}}
		for i, c := range cells {
			tie, mark := "", ""
			if i+1 < len(cells) && t.Chunks >= lab.Least && !t.Beats(c.Name, cells[i+1].Name) {
				tie = "~"
			}
			if c.PPLMisleads {
				mark, misled = "!", true
			}
			rows = append(rows, []string{tableName(c.Name), fmt.Sprintf("%.3f", c.BitsPerValue), fmt.Sprintf("%.0f", c.BytesPerToken), fmt.Sprintf("%.6f", c.KLD.Mean),
				interval(c.KLD), tie, fmt.Sprintf("%.6f", c.Median), fmt.Sprintf("%.4f", c.P99), fmt.Sprintf("%.4f", c.P999),
				fmt.Sprintf("%.4f", c.Max), fmt.Sprintf("%.2f %%", 100*c.SameTop.Mean), fmt.Sprintf("%.2f %%", 100*c.DeltaPRMS), fmt.Sprintf("%.4f", c.PPL), mark})
		}
		fitting, gone := rows.Fit(w, []string{"median", "99 %", "99.9 %", "delta p", "bytes/token", "max", "95 % interval"})
		if err := fitting.Print(w); err != nil {
			return err
		}
		if len(gone) > 0 {
			fmt.Fprintf(w, "Left out for want of room, and in --json: %s.\n", strings.Join(gone, ", "))
		}
	}
	if h.BudgetContext > 0 {
		fmt.Fprintf(w, "Bits and bytes are those in a context of %d positions; the divergence is that in chunks of %d, which says little of longer ones.\n", h.BudgetContext, t.Context)
	}
	fmt.Fprint(w, verdicts(t, misled))
	return printSwaps(w, swaps)
}

// interval is the interval of an estimate, "-" where it has none.
func interval(e lab.Estimate) string {
	if !e.Spread() {
		return "-"
	}
	return fmt.Sprintf("%.6f-%.6f", e.Low, e.High)
}

// verdicts explains the marks, and says for every pair of types what its rotations are worth.
func verdicts(t *lab.Table, misled bool) string {
	var b strings.Builder
	if t.Chunks < lab.Least {
		fmt.Fprintf(&b, "%s: too few to say that one cell beats another, which takes %d at least.\n", table.Counted(t.Chunks, "chunk"), lab.Least)
	} else if len(t.Comparisons) > 0 {
		b.WriteString("~: not told apart from the next by these chunks (95 %).")
		if misled {
			b.WriteString(" !: PPL puts it before a cell that beats it by KLD.")
		}
		b.WriteString("\n")
	}
	for _, off := range t.Cells {
		if _, rot := policy.Unrotated(off.Name); rot != "" || off.Swap != nil {
			continue
		}
		var parts []string
		for _, c := range t.Cells {
			name, rot := policy.Unrotated(c.Name)
			if name != off.Name || rot == "" || off.KLD.Mean == 0 {
				continue
			}
			word := "not proven"
			if t.Beats(c.Name, off.Name) {
				word = "better"
			} else if t.Beats(off.Name, c.Name) {
				word = "worse"
			}
			parts = append(parts, fmt.Sprintf("%s %+.1f %% (%s)", rot, 100*(c.KLD.Mean/off.KLD.Mean-1), word))
		}
		if len(parts) > 0 {
			fmt.Fprintf(&b, "%s rotated: %s\n", tableName(off.Name), strings.Join(parts, ", "))
		}
	}
	return b.String()
}

// printSwaps prints cells of one side of one layer, the worst first, and what share of all each
// has.
func printSwaps(w io.Writer, swaps []lab.CellResult) error {
	if len(swaps) == 0 {
		return nil
	}
	total := 0.0
	for _, c := range swaps {
		total += c.KLD.Mean
	}
	fmt.Fprintf(w, "By layer and side, %s there and the reference elsewhere:\n", swaps[0].Swap.Type)
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "layer\tside\tmean KLD\t95 % interval\tshare\tmax\t")
	for i := range swaps {
		c := &swaps[len(swaps)-1-i]
		fmt.Fprintf(out, "%d\t%s\t%.6f\t%s\t%.1f %%\t%.4f\t\n", c.Swap.Layer, c.Swap.Side, c.KLD.Mean, interval(c.KLD), 100*c.KLD.Mean/max(total, 1e-30), c.Max)
	}
	return out.Flush()
}

// sweepResult is the JSON of kvrun sweep.
type sweepResult struct {
	*lab.Result
	Advice      advice `json:"advice,omitzero"`
	Interrupted bool   `json:"interrupted,omitempty"` // by Ctrl-C: of what was finished
}

// finish prints a result and its advice, and writes the page. The result is printed even where the
// page cannot be written.
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
	if f.out != "" && f.show == nil && len(f.models) < 2 {
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

// tuneResult is the JSON of kvrun tune.
type tuneResult struct {
	Out     string      `json:"out"`
	Budget  float64     `json:"budget_bits_per_value"`
	Best    string      `json:"best"`
	Uniform string      `json:"best_uniform"`
	Policy  policy.File `json:"policy"`
	Guesses []lab.Guess `json:"predicted"`
	Layers  []lab.Loss  `json:"sensitivity"`
	Result  *lab.Result `json:"result"`
}

// print says what was found, what it costs, and by how much it beats one choice for all layers.
func (f *tuneFlags) print(w io.Writer, layers []kv.Layer, budget float64, t *lab.Tuned, written bool) error {
	for i := range t.Result.Tables {
		if err := printTable(w, &t.Result.Header, &t.Result.Tables[i]); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	for _, l := range t.Layers {
		fmt.Fprintf(w, "layer %3d: sensitivity K %.6f, V %.6f\n", l.Layer, l.K, l.V)
	}
	for _, g := range t.Guesses {
		fmt.Fprintf(w, "%s: predicted %.6f, measured %.6f\n", g.Name, g.KLD, t.Result.Tables[0].Cell(g.Name).KLD.Mean)
	}
	fmt.Fprintf(w, "\nBest within %.4g bits per value: %s.\n", budget, t.Best)
	plan, err := kv.NewPlan(layers, t.Policy)
	if err != nil {
		return err
	}
	for _, group := range policy.Alike(plan) {
		l := plan.Layers[group[0]]
		exact := ""
		if l.Ends.Type != nil {
			exact = fmt.Sprintf(", the first %d and the last %d rows exact", l.Ends.First, l.Ends.Last)
		}
		fmt.Fprintf(w, "  %s: K %s, V %s%s\n", policy.Spans(plan, group), l.K.Effective, l.V.Effective, exact)
	}
	if t.Uniform == "" {
		fmt.Fprintln(w, "No choice that is the same for all layers keeps the budget.")
	}
	for i := range t.Result.Tables {
		x := &t.Result.Tables[i]
		what := "the text it was tuned on"
		if i > 0 {
			what = "a text it has not seen"
		}
		fmt.Fprintf(w, "%s (%s): %s\n", x.Corpus.Path, what, against(x, t))
	}
	if !written {
		return nil
	}
	fmt.Fprintf(w, "Written to %s: --policy %s, or --cache auto beside the model.\n", f.out, f.out)
	return nil
}

// against compares what was found with the best uniform choice on one text.
func against(x *lab.Table, t *lab.Tuned) string {
	best := x.Cell(t.Best)
	s := fmt.Sprintf("mean KLD %.6f at %.3f bits", best.KLD.Mean, best.BitsPerValue)
	switch {
	case t.Uniform == t.Best:
		return s + "; the same choice for all layers is the best there is"
	case t.Uniform == "":
		return s
	}
	u := x.Cell(t.Uniform)
	s += fmt.Sprintf("; %s, the best choice for all layers, %.6f at %.3f bits: ", t.Uniform, u.KLD.Mean, u.BitsPerValue)
	switch {
	case x.Beats(t.Best, t.Uniform):
		return s + fmt.Sprintf("%.0f %% less", 100*(1-best.KLD.Mean/u.KLD.Mean))
	case x.Beats(t.Uniform, t.Best):
		return s + "which is better here"
	}
	return s + "not told apart by these chunks"
}
