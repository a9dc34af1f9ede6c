package model

// graniteHybrid is Granite 4: granite with recurrent layers of Mamba-2 in most places of attention.
func graniteHybrid(h *Header) Graph {
	h.sparse = true
	h.common()
	rope := h.graniteRope()
	experts := h.Experts()
	shared := h.OptionalInt("expert_shared_feed_forward_length", 0)
	plain := h.mamba() // its own norm is of what no scale reaches
	scale, last := h.graniteScales()
	norm := func(name string) Norm { return Norm{Name: name, Eps: h.Eps} }
	return Graph{
		Width: h.Width,
		Scale: scale,
		Norm:  last,
		Layers: h.each(func(i int) []Block {
			var mixer Body = plain
			if at(h.kvAll, i) > 0 {
				a := h.Attention(i)
				a.Rope = rope
				mixer = a
			}
			network := experts.or(h, i)
			if e, ok := network.(Experts); ok {
				network = e.with(shared)
			}
			return []Block{{Pre: norm("attn_norm"), Body: mixer}, {Pre: norm("ffn_norm"), Body: network}}
		}),
	}
}
