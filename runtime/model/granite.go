package model

// granite is Granite 3, with experts too: llama with scales of embedding, branches, scores and
// logits.
func granite(h *Header) Graph {
	h.common()
	rope := h.graniteRope()
	experts := h.Experts()
	shared := h.OptionalInt("expert_shared_feed_forward_length", 0)
	scale, last := h.graniteScales()
	g := h.prenorm(func(i int, a *Attention) Body {
		a.Rope = rope
		network := experts.or(h, i)
		if e, ok := network.(Experts); ok {
			return e.with(shared)
		}
		return network
	})
	g.Scale, g.Norm = scale, last
	return g
}
