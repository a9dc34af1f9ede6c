package model

import "github.com/kvgen/kvgen/runtime/program"

// cohere2 is Command R7B and Command A: attention and network read the same norm by mean and
// variance, and are added up. Three of four layers see a sliding window and have RoPE, the fourth
// sees all and has none. Logits are scaled.
func cohere2(h *Header) Graph {
	h.sizes()
	norm := Norm{Name: "attn_norm", Kind: program.LayerNorm, Eps: h.Float("attention.layer_norm_epsilon", 0)}
	last := norm
	last.Name, last.Times = "output_norm", h.Float("logit_scale", 0)
	rope := h.Rope(program.Adjacent)
	window, slides := h.Int("attention.sliding_window", 0), h.slidingPattern(4)
	return Graph{
		Width: h.Width,
		Norm:  last,
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			if slides(i) {
				a.Window, a.Rope = window, rope
			}
			return []Block{{Pre: norm, Body: Sum{{Body: a}, {Body: h.GatedFFN(i, program.SiLU)}}}}
		}),
	}
}
