package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/cmd/internal/table"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/model"
)

// run completes everything with the reference and with every cell, one context at a time. When it
// is interrupted there is the result of the cells before, if any.
func (p *probe) run(e *environment, reference lab.Cell, cells []lab.Cell) (*probeResult, error) {
	way := e.pace("probe", (1+len(cells))*len(p.prompts), fmt.Sprintf("a completion of %d tokens", p.flags.predict), "-n says how many tokens",
		"prints the caches that are finished")
	defer way.Finish()
	c := lab.Completer{Model: p.Model, Tokens: p.tokens, Predict: p.flags.predict,
		Options: model.Options{Batch: p.session.flags.batch, Threads: p.session.flags.threads, Math: p.session.flags.kind, Placements: p.session.flags.places, Stop: e.ctx.Err}}
	ref, err := c.Complete(e.ctx, reference.Plan, p.prompts, func() { way.Next("") })
	if err != nil {
		return nil, err
	}
	p.plan = reference.Plan
	r := &probeResult{Reference: reference.Name, Chat: p.flags.chat, Predict: p.flags.predict, Record: p.record(nil)}
	for i, text := range p.flags.prompts {
		r.Prompts = append(r.Prompts, probePrompt{text, len(p.prompts[i]), ref[i]})
	}
	n := len(r.Prompts)
	var needles []lab.NeedleCell
	if p.needles != nil {
		needles = p.answers(ref[n:])
		r.Needle = &probeNeedle{lab.NeedleText, p.from, needles}
	}
	for _, cell := range cells {
		all, err := c.Complete(e.ctx, cell.Plan, p.prompts, func() { way.Next("") })
		if errors.Is(err, context.Canceled) && len(r.Policies) > 0 {
			r.Interrupted = true
			return r, err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cell.Name, err)
		}
		row := probePolicy{Policy: cell.Name, Completions: all[:n], Plan: cell.Plan.Record(0)}
		for i := range r.Prompts {
			row.Agreements = append(row.Agreements, lab.Agree(p.tokens, ref[i], all[i]))
		}
		row.Summary = lab.Summarise(row.Agreements)
		if needles != nil {
			found := p.answers(all[n:])
			row.Needle = &needleOutcome{lab.ScoreNeedles(needles, found), found}
		}
		r.Policies = append(r.Policies, row)
	}
	return r, nil
}

// answers are the needles with what the completions say.
func (p *probe) answers(all []lab.Completion) []lab.NeedleCell {
	cells := slices.Clone(p.needles)
	for i := range cells {
		cells[i].Answer = all[i].Text
		cells[i].Verdict = lab.Judge(all[i].Text)
	}
	return cells
}

// printProbe writes completions side by side, then the needles, then one line for every cache.
func printProbe(w io.Writer, r *probeResult) error {
	width := table.Width(w)
	for i, p := range r.Prompts {
		fmt.Fprintf(w, "%s\n", table.Heading(p.Prompt, width))
		for _, c := range r.Policies {
			a := c.Agreements[i]
			if a.First < 0 {
				fmt.Fprintf(w, "  %s: the same %d tokens as %s: %s\n", tableName(c.Policy), len(p.Reference.Tokens), r.Reference, table.Quoted(p.Reference.Text, width))
				continue
			}
			table.SideBySide(w, width, r.Reference, plain.Name(c.Policy, (width-5)/2), a)
			fmt.Fprintf(w, "  %s\n", parting(a))
		}
		fmt.Fprintln(w)
	}
	printNeedles(w, r)
	for _, c := range r.Policies {
		fmt.Fprintf(w, "%s (%.2f bits per value): %d of %d completions the same, mean agreement %.1f %%%s\n", tableName(c.Policy), c.Plan.BitsPerValue,
			c.Summary.Same, c.Summary.Prompts, 100*c.Summary.Share, needleWords(c.Needle))
	}
	if r.Needle == nil {
		fmt.Fprintln(w, "--needle 512,2048 also looks for a sentence hidden in a long text.")
	}
	return nil
}

// parting says where two completions part, and how much that means.
func parting(a lab.Agreement) string {
	words := fmt.Sprintf("part at token %d (agreement %.0f %%): %q against %q", a.First+1, 100*a.Share, a.Ref, a.Cand)
	switch {
	case a.Margin < .1:
		return words + fmt.Sprintf("; nearly a tie, %.3f nats", a.Margin)
	case a.Margin > 1:
		return words + fmt.Sprintf("; the reference was sure, by %.1f nats", a.Margin)
	}
	return words + fmt.Sprintf("; the reference preferred its own by %.2f nats", a.Margin)
}

// printNeedles writes one line for a length and position, a letter for the reference and for every
// cache.
func printNeedles(w io.Writer, r *probeResult) {
	if r.Needle == nil {
		return
	}
	fmt.Fprintf(w, "Needle in %s: %q\n", r.Needle.Haystack, r.Needle.Text)
	names := []string{r.Reference}
	for _, c := range r.Policies {
		names = append(names, tableName(c.Policy))
	}
	row := func(begin string, cells []string) {
		for i, c := range cells {
			begin += fmt.Sprintf("  %-*s", max(len(lab.Missed), len(names[i])), c)
		}
		fmt.Fprintln(w, strings.TrimRight(begin, " "))
	}
	row(fmt.Sprintf("%8s %9s", "tokens", "position"), names)
	for i, ref := range r.Needle.Reference {
		verdicts := []string{ref.Verdict}
		for _, c := range r.Policies {
			verdicts = append(verdicts, c.Needle.Cells[i].Verdict)
		}
		// Length is of Tokens, one or two fewer.
		row(fmt.Sprintf("%8d %7.0f %%", ref.Length, 100*ref.At), verdicts)
	}
	if s := r.Policies[0].Needle.Score; s.Low {
		fmt.Fprintf(w, "Low confidence: the reference itself finds %.0f %% only, so a miss says nothing about a cache.\n", 100*s.Reference)
	}
	fmt.Fprintln(w)
}

func needleWords(n *needleOutcome) string {
	switch {
	case n == nil:
		return ""
	case n.Score.Low:
		return "; needles: the reference fails itself"
	}
	return fmt.Sprintf("; needles found %.0f %% (reference %.0f %%, lost %.0f %%)", 100*n.Score.Candidate, 100*n.Score.Reference, 100*n.Score.Degradation)
}
