package model

import "github.com/kvgen/kvgen/runtime/program"

// olmo2 is OLMo 2 and 3: norms come after each branch, and those of queries and keys are over all
// heads together. OLMo 3 sees a sliding window in three of four layers, which rotate without the
// file's scaling.
func olmo2(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	plain := rope.unscaled(rope.Base)
	plain.Magnitude = 1
	window, slides := h.OptionalInt("attention.sliding_window", 0), h.slidingPattern(4)
	return h.postnorm(func(i int, a *Attention) {
		a.Whole, a.Rope = true, rope
		if window > 0 && slides(i) {
			a.Window, a.Rope = window, plain
		}
	})
}
