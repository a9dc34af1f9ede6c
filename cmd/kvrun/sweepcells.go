package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/engine"
	"github.com/kvgen/kvgen/internal/suggest"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/policy"
	"github.com/kvgen/kvgen/runtime/report"
)

// studyTypes are the pairs of the study, each in all four rotations (TheTom/llama-cpp-turboquant,
// pull request 111).
var studyTypes = []string{"q8_0", "q4_0", "q8_0/turbo4", "turbo4", "turbo3"}

// grid is the cells of the flags: those listed, those of the types, or the study's and the
// project's own.
func (s *session) grid(f *sweepFlags) ([]lab.Cell, error) {
	g := &f.grid
	names, asked := slices.Clone(g.cells), true
	switch {
	case g.typesK != "" || g.typesV != "":
		if g.typesK == "" || g.typesV == "" {
			return nil, fmt.Errorf("--types-k and --types-v: want both")
		}
		names = append(names, policy.Product(g.typesK, g.typesV, g.rot, g.extras)...)
	case len(names) == 0 && f.byLayer == "":
		names, asked = s.studyCells(), false
	}
	var cells []lab.Cell
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		c, err := s.cellOf(name)
		if err != nil && !asked {
			s.notes = append(s.notes, fmt.Sprintf("%s is left out: it does not fit this model", name))
			continue
		}
		if err != nil {
			return nil, err
		}
		cells = append(cells, c)
	}
	if f.byLayer != "" {
		more, err := s.byLayer(f)
		if err != nil {
			return nil, err
		}
		cells = append(cells, more...)
	}
	return cells, nil
}

// studyCells are the study's cells, and the project's own types at equal and at fewer bits, in
// blocks that fit all heads.
func (s *session) studyCells() (names []string) {
	for _, types := range studyTypes {
		k, v, two := strings.Cut(types, "/")
		if !two {
			v = k
		}
		for _, r := range policy.RotatedSides {
			names = append(names, policy.CellName(k, v, r, "off"))
		}
	}
	block := 128
	for _, l := range s.KVLayers() {
		for block > 32 && (l.KeyDim%block != 0 || l.ValueDim%block != 0) {
			block /= 2
		}
	}
	own := func(bits int) string { return policy.OwnType(s.table, bits, block) }
	return append(names, "q8_0/turbo3", own(6), own(4), policy.CellName(own(5), own(3), "off", "off"), own(3))
}

// advice is what a sweep ends with: what to take, what to look out for, and how to say it.
type advice struct {
	lab.Advice
	Warnings []string        `json:"warnings"`
	Engines  []report.Engine `json:"engines"`
}

// advise makes it of a result.
func advise(r *lab.Result, emit []string) advice {
	a := advice{Advice: r.Advise(nil)}
	group, t := 0, r.Traits
	if t == nil { // a journal of an older program
		t = &lab.Traits{}
	}
	group = t.Group
	a.Warnings = t.Warnings(r)
	model := engine.ShellQuote(r.Model.Path)
	if r.Model.Path == embedded {
		model = "MODEL"
	}
	for i := range engine.All {
		e := &engine.All[i]
		if emit != nil && !slices.Contains(emit, e.Name) {
			continue
		}
		if all := choices(e, r, a.Picks, model, group); all.Choices != nil {
			a.Engines = append(a.Engines, all)
		}
	}
	return a
}

// choices are the picks in an engine's words. Where it lacks one, they are the best of what was
// measured that it has.
func choices(e *engine.Engine, r *lab.Result, picks []lab.Pick, model string, group int) report.Engine {
	all := report.Engine{Name: e.Title}
	own := r.Advise(func(c *lab.CellResult) bool { return choice(e, "", c, model, group).Lines != nil }).Picks
	for i, p := range picks {
		cell := cellNamed(r, p.Cell)
		if cell == nil {
			continue
		}
		c := choice(e, p.Name, cell, model, group)
		if c.Lines == nil && len(own) > i && own[i].Cell != "" {
			o := own[i]
			instead := choice(e, p.Name, cellNamed(r, o.Cell), model, group)
			c.Lines = instead.Lines
			c.Note += fmt.Sprintf(" Instead, of what was measured: %s, %.2f bits per value, KLD %.4g (%.4g-%.4g). %s", o.Cell, o.Bits, o.Cost.Mean, o.Cost.Low,
				o.Cost.High, instead.Note)
			c.Note = strings.TrimSpace(c.Note)
		} else if c.Lines == nil {
			c.Note += " Nothing else that was measured and that it has keeps the promise."
		}
		all.Choices = append(all.Choices, c)
	}
	return all
}

// choice is a cell in an engine's words.
func choice(e *engine.Engine, level string, c *lab.CellResult, model string, group int) report.Choice {
	lines, note := e.Spell(engine.NewRequest(c.Name, c.Plan, model, group))
	return report.Choice{Level: level, Lines: lines, Note: note}
}

func cellNamed(r *lab.Result, name string) *lab.CellResult {
	for i := range r.Tables {
		for k := range r.Tables[i].Cells {
			if c := &r.Tables[i].Cells[k]; c.Swap == nil && c.Name == name {
				return c
			}
		}
	}
	return nil
}

// checkEmit says which engines are meant.
func checkEmit(list []string) error {
	var names []string
	for _, e := range engine.All {
		names = append(names, e.Name)
	}
	for _, n := range list {
		if !slices.Contains(names, n) {
			return fmt.Errorf("--emit %q: no such engine%s; engines: %s", n, suggest.Nearest(n, names), strings.Join(names, " "))
		}
	}
	return nil
}

// print writes the advice on one screen; emitted says whether the engines were asked for.
func (a *advice) print(w io.Writer, emitted bool) {
	fmt.Fprintln(w)
	if len(a.Picks) == 0 {
		fmt.Fprintf(w, "No recommendation: %s.\n", a.Because)
	}
	for _, p := range a.Picks {
		if p.Cell == "" {
			fmt.Fprintf(w, "%-9s none: KLD at most %g is kept by no cell; %s comes closest with %.4g (%.4g-%.4g)\n", p.Name, p.KLD, p.Closest, p.Cost.Mean, p.Cost.Low, p.Cost.High)
			continue
		}
		fmt.Fprintf(w, "%-9s %s: %.2f bits per value, KLD %.4g (%.4g-%.4g, at most %g), same top %.1f %%, ln PPL %+.4f\n", p.Name, p.Cell, p.Bits, p.Cost.Mean,
			p.Cost.Low, p.Cost.High, p.KLD, 100*p.SameTop.Mean, p.LnRatio.Mean)
	}
	if a.Settings > 1 && len(a.Picks) > 0 {
		fmt.Fprintf(w, "Each holds in all %d settings; the cost is that of the worst.\n", a.Settings)
	}
	for _, s := range a.Warnings {
		fmt.Fprintln(w, "!", s)
	}
	if !emitted {
		if len(a.Engines) > 0 {
			fmt.Fprintln(w, "--emit llama.cpp, fork, ik, ollama or kvrun spells it for that engine; --report FILE.html makes a page of it all.")
		}
		return
	}
	for _, e := range a.Engines {
		fmt.Fprintf(w, "\n%s:\n", e.Name)
		for _, c := range e.Choices {
			for _, l := range c.Lines {
				fmt.Fprintf(w, "  %-9s %s\n", c.Level, l)
			}
			if c.Note != "" {
				fmt.Fprintf(w, "  %-9s (%s)\n", c.Level, c.Note)
			}
		}
	}
}
