package model

import "github.com/kvgen/kvgen/runtime/program"

// glm4moe is GLM-4.5 and 4.6: partial RoPE, optional norms of query and key heads, and after the
// first layers experts that a router chooses by sigmoid and bias, with one beside them for all.
func glm4moe(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	experts := h.mustExperts().routed(h, program.Sigmoid, true)
	shared := h.OptionalInt("expert_shared_count", 0)
	network := h.after(func(i int) Body {
		e := experts.sized(h, i)
		return e.with(e.Inner * shared)
	})
	return h.prenorm(func(i int, a *Attention) Body {
		a.Rope = rope
		h.headNorms(i, a)
		return network(i)
	})
}
