package model

import "github.com/kvgen/kvgen/runtime/program"

// seedOSS is Seed-OSS: qwen2 with another name for the norm of the network.
func seedOSS(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	return h.prenorm(func(i int, a *Attention) Body {
		a.Rope = rope
		return h.GatedFFN(i, program.SiLU)
	})
}
