package model

import "github.com/kvgen/kvgen/runtime/program"

// minimaxM2 is MiniMax M2: norms of queries and keys over all heads together, partial RoPE, and
// experts in every layer that a router chooses by sigmoid and bias.
func minimaxM2(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	experts := h.mustExperts().routed(h, program.Sigmoid, true)
	experts.Routing.AsIs, experts.Routing.Scale = false, 0 // whatever the file says
	return h.prenorm(func(i int, a *Attention) Body {
		a.Rope, a.Whole = rope, true
		h.headNorms(i, a)
		return experts.or(h, i)
	})
}
