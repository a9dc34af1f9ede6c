package model

import "github.com/kvgen/kvgen/runtime/program"

// qwen3vl is the text part of Qwen3-VL, with experts too: qwen3 with a RoPE over several axes.
func qwen3vl(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	rope.Sections = h.ints("rope.dimension_sections")
	experts := h.Experts()
	return h.prenorm(func(i int, a *Attention) Body {
		a.Rope = rope
		h.headNorms(i, a)
		if experts.Count > 0 {
			return experts.sized(h, i)
		}
		return h.GatedFFN(i, program.SiLU)
	})
}
