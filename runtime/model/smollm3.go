package model

import "github.com/kvgen/kvgen/runtime/program"

// smollm3 is SmolLM3: llama without RoPE in every fourth layer.
func smollm3(h *Header) Graph {
	const period = 4
	h.common()
	rope := h.Rope(program.Adjacent)
	return h.prenorm(func(i int, a *Attention) Body {
		if (i+1)%period != 0 {
			a.Rope = rope
		}
		return h.GatedFFN(i, program.SiLU)
	})
}
