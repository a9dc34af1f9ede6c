package model

import (
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/kv"
)

// offsetsOf is the key offsets of a plan by KV layer, nil for layers without one or of other
// stages. Layers of one RoPE share its tables.
func (p *pass) offsetsOf(plan *kv.Plan, size int) []*attention.Offset {
	all := make([]*attention.Offset, len(plan.Layers))
	for i := p.span.KV.Lo; i < p.span.KV.Hi; i++ {
		if o := plan.Layers[i].K.Effective.Offset; o != nil {
			all[i] = &attention.Offset{Mu: o.Layers[i].Mu, Turn: p.turn(i, size)}
		}
	}
	return all
}

// turn is the tables of a KV layer's RoPE; a layer without one turns nothing.
func (p *pass) turn(layer, size int) *attention.Turn {
	a := p.program.Attention[layer]
	var freq []float64
	adjacent, magnitude := false, float32(1)
	if a.Rope >= 0 {
		r := p.program.Ropes[a.Rope]
		freq, adjacent, magnitude = r.At(size), r.Kind == Adjacent, r.Magnitude
	}
	for _, t := range p.turned {
		if t.Same(a.KeyDim, freq, adjacent, magnitude) {
			return t
		}
	}
	t := attention.NewTurn(p.table, a.KeyDim, freq, adjacent, magnitude, size)
	p.turned = append(p.turned, t)
	return t
}
