package model

import "github.com/kvgen/kvgen/runtime/program"

// phimoe is Phi-3.5-MoE: experts, biases everywhere, in the RMS norms too, and RoPE factors that
// depend on the size of the context.
func phimoe(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	rope.Short, rope.Long = "rope_factors_short", "rope_factors_long"
	experts := h.mustExperts()
	return h.prenorm(func(i int, a *Attention) Body {
		a.Rope = rope
		return experts.or(h, i)
	})
}
