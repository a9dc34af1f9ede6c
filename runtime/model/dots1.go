package model

import "github.com/kvgen/kvgen/runtime/program"

// dots1 is dots.llm1: norms of every query and key head, and after the first layers experts with
// some beside them for all tokens.
func dots1(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	experts := h.mustExperts().routed(h, program.SoftmaxAll, false)
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
