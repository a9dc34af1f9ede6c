package report

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
)

// plan is the effective plan of a cell, equal layers together.
type plan struct {
	Name  string
	Bytes float64 // per token
	Spans []span
}

// span is layers From..To with the same plan.
type span struct {
	Layers string
	Shape  string
	K, V   kv.SideRecord
}

func plans(cells []*lab.CellResult) (all []plan) {
	for _, c := range cells {
		p := plan{Name: c.Name, Bytes: c.BytesPerToken}
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
			p.Spans = append(p.Spans, s)
			lo = hi
		}
		all = append(all, p)
	}
	return all
}

func alike(a, b kv.LayerRecord) bool {
	a.Layer = b.Layer
	return a == b
}
