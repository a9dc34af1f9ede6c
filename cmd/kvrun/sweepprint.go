package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/runtime/lab"
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

// printTable prints the cells of a setting, those that keep predictions best first, and those by layer apart.
func printTable(w io.Writer, h *lab.Header, t *lab.Table) error {
	fmt.Fprintf(w, "%s, %s of %d tokens by %s; %s math, %s; reference: a cache of %s, PPL %.4f +- %.4f\n", plain.Name(t.Corpus.Path, 400), counted(t.Chunks, "chunk"), t.Context, t.Path,
		tableName(h.Math), tableName(h.ISA), tableName(h.Reference), t.PPL, t.PPLError)
	cells := slices.Clone(t.Cells)
	slices.SortStableFunc(cells, func(a, b lab.CellResult) int { return cmp.Compare(a.KLD.Mean, b.KLD.Mean) })
	swaps := slices.DeleteFunc(slices.Clone(cells), func(c lab.CellResult) bool { return c.Swap == nil })
	cells = slices.DeleteFunc(cells, func(c lab.CellResult) bool { return c.Swap != nil })
	misled := false
	if len(cells) > 0 {
		rows := table{{"cell", "bits/value", "bytes/token", "mean KLD", "95 % interval", "", "median", "99 %", "99.9 %", "max", "same top", "delta p", "PPL", " "}}
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
		fitting, gone := rows.fit(w, []string{"median", "99 %", "99.9 %", "delta p", "bytes/token", "max", "95 % interval"})
		if err := fitting.print(w); err != nil {
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
		fmt.Fprintf(&b, "%s: too few to say that one cell beats another, which takes %d at least.\n", counted(t.Chunks, "chunk"), lab.Least)
	} else if len(t.Comparisons) > 0 {
		b.WriteString("~: not told apart from the next by these chunks (95 %).")
		if misled {
			b.WriteString(" !: PPL puts it before a cell that beats it by KLD.")
		}
		b.WriteString("\n")
	}
	for _, off := range t.Cells {
		if _, rot := unrotated(off.Name); rot != "" || off.Swap != nil {
			continue
		}
		var parts []string
		for _, c := range t.Cells {
			name, rot := unrotated(c.Name)
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

// printSwaps prints cells of one side of one layer, the worst first, and what share of all each has.
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
