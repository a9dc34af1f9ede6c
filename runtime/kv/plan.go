package kv

// Plan is what was asked for, what is in effect and why, for every layer and side. It is the record that goes into
// every result.
type Plan struct {
	Layers []LayerPlan
}

// LayerPlan is the plan of one KV layer.
type LayerPlan struct {
	Layer Layer
	K, V  SidePlan
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

// Honoured says whether everything is in effect as it was requested.
func (p *Plan) Honoured() bool {
	for _, l := range p.Layers {
		if l.K.Requested != l.K.Effective || l.V.Requested != l.V.Effective {
			return false
		}
	}
	return true
}

// BytesPerToken is the storage of one position in all layers, sliding windows counted as if they kept everything.
func (p *Plan) BytesPerToken() int {
	n := 0
	for _, l := range p.Layers {
		n += l.K.BytesPerToken + l.V.BytesPerToken
	}
	return n
}

// Bytes is the storage of a cache of size positions placed at most batch at a time.
func (p *Plan) Bytes(size, batch int) int {
	n := 0
	for _, l := range p.Layers {
		n += capacity(l.Layer.Window, size, batch) * (l.K.BytesPerToken + l.V.BytesPerToken)
	}
	return n
}

// BitsPerValue is the mean over all values of all layers.
func (p *Plan) BitsPerValue() float64 {
	bits, values := 0.0, 0
	for _, l := range p.Layers {
		bits += 8 * float64(l.K.BytesPerToken+l.V.BytesPerToken)
		values += l.Layer.Heads * (l.Layer.KeyDim + l.Layer.ValueDim)
	}
	return bits / float64(max(1, values))
}
