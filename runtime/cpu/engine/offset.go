package engine

import (
	"github.com/kvgen/kvgen/runtime/attention"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/program"
)

// offsetsOf is the key offsets of a plan by KV layer, nil for layers without one or of other
// stages. Layers of one RoPE share its tables.
func (p *pass) offsetsOf(plan *kv.Plan, size int) []*attention.Offset {
	all := make([]*attention.Offset, len(plan.Layers))
	for i := p.span.KV.Lo; i < p.span.KV.Hi; i++ {
		if o := plan.Layers[i].K.Effective.Offset; o != nil {
			all[i] = &attention.Offset{Mu: o.Layers[i].Mu, Rope: p.offsetRope(i, size)}
		}
	}
	return all
}

// offsetRope is the tables of a KV layer's RoPE; a layer without one rotates nothing.
func (p *pass) offsetRope(layer, size int) *attention.Rope {
	a := p.program.Attention[layer]
	var freq []float64
	adjacent, magnitude := false, float32(1)
	if a.Rope >= 0 {
		r := p.program.Ropes[a.Rope]
		freq, adjacent, magnitude = r.At(size), r.Kind == program.Adjacent, r.Magnitude
	}
	for _, t := range p.offsetRopes {
		if t.Same(a.KeyDim, freq, adjacent, magnitude) {
			return t
		}
	}
	t := attention.NewRope(p.table, a.KeyDim, freq, adjacent, magnitude, size)
	p.offsetRopes = append(p.offsetRopes, t)
	return t
}
