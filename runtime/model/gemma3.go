package model

import (
	"github.com/kvgen/kvgen/runtime/program"
	"math"
)

// gemma3 scales its embedding, normalises every query and key head, and has norms after each branch
// as well as before. Of each six layers, five see a sliding window and rotate by a RoPE of their
// own base, without the file's scaling. A file without a window has none of that.
func gemma3(h *Header) Graph {
	const layers27 = 62 // the 27B model scales its scores by width instead of head size
	h.common()
	full := h.Rope(program.Halves)
	sliding := full.unscaled(h.OptionalFloat("rope.freq_base_swa", 10000))
	window := h.OptionalInt("attention.sliding_window", 0)
	pattern := h.slidingPattern(6)
	return Graph{
		Width: h.Width,
		Scale: float32(math.Sqrt(float64(h.Width))),
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Cap:   h.OptionalFloat("final_logit_softcapping", 0),
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.QNorm, a.KNorm = Norm{Name: "attn_q_norm", Eps: h.Eps}, Norm{Name: "attn_k_norm", Eps: h.Eps}
			a.Rope = full
			if window > 0 && pattern(i) {
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
