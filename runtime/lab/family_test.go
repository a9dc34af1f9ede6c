package lab

import (
	"strings"
	"testing"
)

// TestFamilies: what one model of a family does not allow, the family does not.
func TestFamilies(t *testing.T) {
	result := func(path, arch string, costs map[string]float64) *Result {
		x := Table{Chunks: Least}
		for _, name := range []string{"small", "large", "alone"} {
			cost, ok := costs[name]
			if !ok {
				continue
			}
			c := CellResult{Name: name, BitsPerValue: map[string]float64{"small": 3, "large": 8, "alone": 2}[name], Chunk: make([]int, Least)}
			c.KLD = Estimate{cost, cost, cost}
			x.Cells = append(x.Cells, c)
		}
		return &Result{Header: Header{Model: Model{Path: path, Arch: arch}}, Tables: []Table{x}}
	}
	all := Families([]*Result{
		result("a", "llama", map[string]float64{"small": .001, "large": .0001, "alone": .0001}),
		result("b", "qwen2", map[string]float64{"small": .001, "large": .0001}),
		result("c", "llama", map[string]float64{"small": .3, "large": .002}),
	})
	if len(all) != 2 || all[0].Arch != "llama" || strings.Join(all[0].Models, " ") != "a c" || all[1].Models[0] != "b" {
		t.Fatalf("%+v", all)
	}
	if p := all[0].Picks[0]; p.Cell != "large" || p.Cost.Mean != .002 || all[0].Settings != 2 {
		t.Errorf("llama: %+v, want the cell that c allows too, at its cost there", p)
	}
	if p := all[1].Picks[0]; p.Cell != "small" {
		t.Errorf("qwen2: %+v", p)
	}
}
