package model

import (
	"math"

	"github.com/kvgen/kvgen/runtime/program"
)

// hunyuanDense is Hunyuan's models without experts: llama with half-split RoPE and with norms of
// every query and key head after it.
func hunyuanDense(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	if alpha := float64(h.OptionalFloat("rope.scaling.alpha", 0)); alpha > 0 {
		d := float64(h.head("attention.key_length"))
		rope = rope.based(rope.Base * float32(math.Pow(alpha, d/max(1, d-2))))
	}
	return h.prenorm(func(i int, a *Attention) Body {
		a.Rope, a.NormsLast = rope, true
		h.headNorms(i, a)
		return h.GatedFFN(i, program.SiLU)
	})
}
