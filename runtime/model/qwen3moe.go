package model

import "github.com/kvgen/kvgen/runtime/program"

// qwen3moe is Qwen3 with experts: qwen2 without biases, a norm of every query and key head, and
// experts for the feed-forward network.
func qwen3moe(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	experts := h.mustExperts()
	return Graph{
		Width: h.Width,
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.Rope = rope
			a.QNorm, a.KNorm = Norm{Name: "attn_q_norm", Eps: h.Eps}, Norm{Name: "attn_k_norm", Eps: h.Eps}
			return []Block{
				{Pre: Norm{Name: "attn_norm", Eps: h.Eps}, Body: a},
				{Pre: Norm{Name: "ffn_norm", Eps: h.Eps}, Body: experts.sized(h, i)},
			}
		}),
	}
}
