package model

import "github.com/kvgen/kvgen/runtime/program"

// qwen2 is Qwen2 and Qwen2.5: llama with half-split RoPE and with biases on Q, K and V, which
// Linear finds by itself.
func qwen2(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	return Graph{
		Width: h.Width,
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.Rope = rope
			return []Block{
				{Pre: Norm{Name: "attn_norm", Eps: h.Eps}, Body: a},
				{Pre: Norm{Name: "ffn_norm", Eps: h.Eps}, Body: h.GatedFFN(i, program.SiLU)},
			}
		}),
	}
}
