package model

import "github.com/kvgen/kvgen/runtime/program"

// apertus is Apertus: norms of every query and key head, and a network without a gate whose
// activation has numbers of the layer's own.
func apertus(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	rope.Factors = "rope_freqs"
	xielu := h.xielu()
	return h.prenorm(func(i int, a *Attention) Body {
		a.Rope = rope
		h.headNorms(i, a)
		return FFN{Inner: h.Inner(i), Up: "ffn_up", Down: "ffn_down", XIELU: xielu(i)}
	})
}
