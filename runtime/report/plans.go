package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
)

// plan is the effective plan of a cell, equal layers together. It is the same in all settings but
// for its size: exact rows and offsets weigh less in a longer context.
type plan struct {
	Name  string
	Size  string
	Spans []span
}

// span is layers From..To with the same plan.
type span struct {
	Layers string
	Shape  string
	K, V   kv.SideRecord
}

// plans lists the plans of all cells of all settings, each once, in the order in which they first
// appear.
func plans(tables []lab.Table) (all []plan) {
	var seen []string
	for i := range tables {
		for _, c := range cellsOf(&tables[i]) {
			if slices.Contains(seen, c.Name) {
				continue
			}
			seen = append(seen, c.Name)
			all = append(all, plan{Name: c.Name, Size: sizeOf(c.Name, tables), Spans: spans(c)})
		}
	}
	return all
}

// sizeOf is a cell's storage of a token: by context where that matters, and marked where it was not
// measured.
func sizeOf(name string, tables []lab.Table) string {
	var sizes, at, missing []string
	for i := range tables {
		t := &tables[i]
		cells := cellsOf(t)
		k := slices.IndexFunc(cells, func(c *lab.CellResult) bool { return c.Name == name })
		if k < 0 {
			missing = append(missing, settingName(t.Setting))
			continue
		}
		size := amount(cells[k].BytesPerToken) + " per token"
		if !slices.Contains(sizes, size) {
			sizes = append(sizes, size)
		}
		if in := fmt.Sprintf("%s in a context of %d", size, t.Context); !slices.Contains(at, in) {
			at = append(at, in)
		}
	}
	if len(sizes) > 1 {
		sizes = at
	}
	text := strings.Join(sizes, ", ")
	if missing != nil {
		text += "; not measured on " + strings.Join(missing, "; ")
	}
	return text
}

// spans are the layers of a cell's plan.
func spans(c *lab.CellResult) (all []span) {
	for lo := 0; lo < len(c.Plan.Layers); {
		hi := lo + 1
		for hi < len(c.Plan.Layers) && alike(c.Plan.Layers[lo], c.Plan.Layers[hi]) {
			hi++
		}
		l := c.Plan.Layers[lo]
		s := span{Layers: itoa(l.Layer), Shape: fmt.Sprintf("%d × %d/%d", l.Heads, l.KeyDim, l.ValueDim), K: l.K, V: l.V}
		if hi-lo > 1 {
			s.Layers += "–" + itoa(c.Plan.Layers[hi-1].Layer)
		}
		if l.Window > 0 {
			s.Shape += fmt.Sprintf(", window %d", l.Window)
		}
		if l.First > 0 || l.Last > 0 {
			s.Shape += fmt.Sprintf(", first %d and last %d exact", l.First, l.Last)
		}
		all = append(all, s)
		lo = hi
	}
	return all
}

func alike(a, b kv.LayerRecord) bool {
	a.Layer = b.Layer
	return a == b
}
