package model

import "github.com/kvgen/kvgen/runtime/program"

// exaone4 is EXAONE 4: norms come after each branch, and every query and key head has one. The
// model of 64 layers sees a sliding window in three of four layers, and has RoPE in these alone.
func exaone4(h *Header) Graph {
	const sliding = 64 // layers
	h.common()
	rope := h.Rope(program.Halves)
	rope.Factors = "rope_freqs"
	slides := h.slidingPattern(4)
	window := h.OptionalInt("attention.sliding_window", 4096)
	return h.postnorm(func(i int, a *Attention) {
		switch {
		case h.Layers != sliding:
			a.Rope = rope
		case slides(i):
			a.Window, a.Rope = window, rope
		}
	})
}
