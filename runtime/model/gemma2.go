package model

import (
	"github.com/kvgen/kvgen/runtime/program"
	"math"
)

// gemma2 scales its embedding, has norms after each branch as well as before, caps scores and
// logits, and sees a sliding window in every other layer.
func gemma2(h *Header) Graph {
	const layers27 = 46 // the 27B model scales its scores by width instead of head size
	h.common()
	rope := h.Rope(program.Halves)
	sliding := rope.based(h.OptionalFloat("rope.freq_base_swa", rope.Base))
	window := h.Int("attention.sliding_window", 4096)
	pattern := h.slidingPattern(2)
	scoreCap := h.Float("attn_logit_softcapping", 50)
	return Graph{
		Width: h.Width,
		Scale: float32(math.Sqrt(float64(h.Width))),
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Cap:   h.Float("final_logit_softcapping", 30),
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.Rope, a.SoftCap = rope, scoreCap
			if pattern(i) {
				a.Rope, a.Window = sliding, window
			}
			if h.Layers == layers27 {
				a.Scale = 1 / float32(math.Sqrt(float64(h.Width/a.Heads)))
			}
			return []Block{
				{Pre: Norm{Name: "attn_norm", Eps: h.Eps}, Body: a, Post: Norm{Name: "post_attention_norm", Eps: h.Eps}},
				{Pre: Norm{Name: "ffn_norm", Eps: h.Eps}, Body: h.GatedFFN(i, program.GELU), Post: Norm{Name: "post_ffw_norm", Eps: h.Eps}},
			}
		}),
	}
}
