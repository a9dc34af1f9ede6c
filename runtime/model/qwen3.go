package model

import "github.com/kvgen/kvgen/runtime/program"

// qwen3 is Qwen3: qwen2 with an RMS norm of every query and key head in place of the biases.
func qwen3(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	return Graph{
		Width: h.Width,
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.QNorm, a.KNorm = Norm{Name: "attn_q_norm", Eps: h.Eps}, Norm{Name: "attn_k_norm", Eps: h.Eps}
			a.Rope = rope
			return []Block{
				{Pre: Norm{Name: "attn_norm", Eps: h.Eps}, Body: a},
				{Pre: Norm{Name: "ffn_norm", Eps: h.Eps}, Body: h.GatedFFN(i, program.SiLU)},
			}
		}),
	}
}
