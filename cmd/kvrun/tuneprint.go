package main

import (
	"fmt"
	"io"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/policy"
)

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
