package kv

import "github.com/kvgen/kvgen/kernels"

// Plan holds what was asked for, what is in effect and why, for every layer and side. Every result
// carries it as its record.
type Plan struct {
	Layers []LayerPlan

	table *kernels.Table // of the types, nil for kernels.Default()
}

// Table is what the types of the plan are of.
func (p *Plan) Table() *kernels.Table {
	if p.table == nil {
		return kernels.Default()
	}
	return p.table
}

// LayerPlan is the plan of one KV layer.
type LayerPlan struct {
	Layer Layer
	K, V  SidePlan
	Ends  Ends // rows that stay exact, with their type
}

// SidePlan is the plan of one side of a layer.
type SidePlan struct {
	Requested, Effective Choice
	Why                  string  // "as requested", or the rule that forbade it
	BitsPerValue         float64 // per value the model computes, padding counted
	BytesPerToken        int     // all heads of the layer
}

func (s *SidePlan) size(heads, dim int) {
	t := s.Effective.Type
	s.BitsPerValue = t.BitsPerValue(dim)
	s.BytesPerToken = heads * t.RowBytes(t.HeadDim(dim))
}

// Honoured reports whether everything is in effect as it was requested.
func (p *Plan) Honoured() bool {
	for _, l := range p.Layers {
		if l.K.Requested != l.K.Effective || l.V.Requested != l.V.Effective {
			return false
		}
	}
	return true
}

// Explain gives a reason to every side that is as it was requested.
func (p *Plan) Explain(why string) {
	for i := range p.Layers {
		for _, s := range []*SidePlan{&p.Layers[i].K, &p.Layers[i].V} {
			if s.Requested == s.Effective {
				s.Why = why
			}
		}
	}
}

// BytesPerToken is the storage of one packed position in all layers, sliding windows counted as if
// they kept everything.
func (p *Plan) BytesPerToken() int {
	n := 0
	for i := range p.Layers {
		n += p.Layers[i].packedBytes()
	}
	return n
}

// Bytes is the storage of a cache of one sequence of size positions placed at most batch at a time,
// key offsets included.
func (p *Plan) Bytes(size, batch int) int { return p.BytesOf(Shape{Size: size, Batch: batch}) }

// BytesOf is the storage of a cache of a shape, key offsets included.
func (p *Plan) BytesOf(s Shape) int { return p.BytesIn(s, 0, len(p.Layers)) }

// BytesIn is BytesOf of KV layers lo..hi-1.
func (p *Plan) BytesIn(s Shape, lo, hi int) int {
	s, _ = s.full()
	n := 0
	for i := lo; i < hi; i++ {
		l := &p.Layers[i]
		n += s.capacity(l.Layer.Window, l.Ends)*l.packedBytes() + s.exact(l.Ends)*l.exactBytes() + l.OffsetBytes()
	}
	return n
}

// BitsPerValue is the mean over all values of a context of size positions: packed rows, exact rows
// and key offsets. Size 0 is the mean over packed rows alone.
func (p *Plan) BitsPerValue(size int) float64 {
	bytes, values := 0, 0
	for i := range p.Layers {
		l := &p.Layers[i]
		held, exact, offset := 1, 0, 0
		if size > 0 {
			if held = size; l.Layer.Window > 0 {
				held = min(size, l.Layer.Window)
			}
			exact, offset = l.Ends.cells(held), l.OffsetBytes()
		}
		bytes += (held-exact)*l.packedBytes() + exact*l.exactBytes() + offset
		values += held * l.Layer.Heads * (l.Layer.KeyDim + l.Layer.ValueDim)
	}
	return 8 * float64(bytes) / float64(max(1, values))
}

// Values is the number of values of one position in all layers.
func (p *Plan) Values() int {
	n := 0
	for _, l := range p.Layers {
		n += l.Layer.Heads * (l.Layer.KeyDim + l.Layer.ValueDim)
	}
	return n
}

// packedBytes is the storage of a packed position.
func (l *LayerPlan) packedBytes() int { return l.K.BytesPerToken + l.V.BytesPerToken }

// exactBytes is the storage of an exact position.
func (l *LayerPlan) exactBytes() int {
	if !l.Ends.on() {
		return 0
	}
	return l.Layer.Heads * (l.Ends.Type.RowBytes(l.Layer.KeyDim) + l.Ends.Type.RowBytes(l.Layer.ValueDim))
}

// OffsetBytes is the storage of the layer's key offset.
func (l *LayerPlan) OffsetBytes() int {
	if l.K.Effective.Offset == nil {
		return 0
	}
	return 4 * l.Layer.Heads * l.Layer.KeyDim
}
