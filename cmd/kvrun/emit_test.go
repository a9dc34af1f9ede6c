package main

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
)

// plannedCell is a cell of 8 layers with heads of dim. Sides are as plans name them, by layer with
// a comma, the last for the rest.
func plannedCell(dim int, k, v string) *lab.CellResult {
	c := &lab.CellResult{Name: k + "/" + v}
	at := func(list string, i int) kv.SideRecord {
		all := strings.Split(list, ";")
		return kv.SideRecord{Effective: all[min(i, len(all)-1)]}
	}
	for i := range 8 {
		c.Plan.Layers = append(c.Plan.Layers, kv.LayerRecord{Layer: i, KeyDim: dim, ValueDim: dim, K: at(k, i), V: at(v, i)})
	}
	return c
}

// TestInstead looks for what an engine has where it lacks the pick, and for the sentence where it
// has nothing.
func TestInstead(t *testing.T) {
	cell := func(typ string, bits, kld float64) lab.CellResult {
		c := *plannedCell(64, typ, typ)
		c.Name, c.BitsPerValue, c.Chunk = typ, bits, make([]int, lab.Least)
		c.KLD = lab.Estimate{Mean: kld, Low: .9 * kld, High: 1.1 * kld}
		return c
	}
	r := &lab.Result{Tables: []lab.Table{{Chunks: lab.Least, PPL: 20, Cells: []lab.CellResult{cell("q8_0", 8.5, .0004), cell("lm6_64", 6.25, .001), cell("lm4_64", 4.25, .03)}}}}
	r.Tables[0].Cells[2].Plan.Layers[0].First = 4
	r.Traits = &lab.Traits{Group: 3}
	a := advise(r, []string{"llama.cpp", "kvrun"})
	if len(a.Engines) != 2 || len(a.Engines[0].Choices) != 3 {
		t.Fatalf("%+v", a.Engines)
	}
	safe := a.Engines[0].Choices[0]
	if len(safe.Lines) != 1 || !strings.Contains(safe.Lines[0], "-ctk q8_0") || !strings.Contains(safe.Note, "no cache type lm6_64. Instead, of what was measured: q8_0, 8.50 bits") {
		t.Errorf("%+v", safe)
	}
	if own := a.Engines[1].Choices; !strings.Contains(own[0].Lines[0], "-ctk lm6_64") || !strings.Contains(own[2].Note, "it differs between layers") {
		t.Errorf("%+v", own)
	}
	if err := checkEmit([]string{"ik", "llama"}); err == nil || !strings.Contains(err.Error(), "llama.cpp") {
		t.Errorf("%v", err)
	}
	r.Tables[0].Cells = r.Tables[0].Cells[1:]
	if safe = advise(r, []string{"ollama"}).Engines[0].Choices[0]; safe.Lines != nil || !strings.Contains(safe.Note, "Nothing else") {
		t.Errorf("%+v", safe)
	}
}
