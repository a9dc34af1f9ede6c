package model

import "github.com/kvgen/kvgen/runtime/program"

// bailingmoe2 is Ling 2: norms of every query and key head, partial RoPE, and after the first
// layers experts in groups, with some beside them for all tokens.
func bailingmoe2(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	experts := h.mustExperts().routed(h, program.Sigmoid, false)
	count := h.OptionalInt("expert_shared_count", 0)
	shared := h.OptionalInt("expert_shared_feed_forward_length", 0)
	network := h.after(func(i int) Body {
		e := experts.sized(h, i)
		if shared == 0 {
			shared = e.Inner
		}
		return e.with(shared * count)
	})
	return h.prenorm(func(i int, a *Attention) Body {
		a.Rope = rope
		h.headNorms(i, a)
		return network(i)
	})
}
