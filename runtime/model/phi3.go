package model

import "github.com/kvgen/kvgen/runtime/program"

// phi3 is Phi-3, Phi-3.5 and Phi-4: llama with half-split RoPE over a part of each head, with the
// rows of Q, K and V in one tensor and those of gate and up in another. The long models divide
// RoPE's frequencies by factors that depend on the size of the context. Some files name a sliding
// window; llama.cpp leaves it out for all of them, and so does this.
func phi3(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	// not all files give the type of scaling
	rope.Short, rope.Long = "rope_factors_short", "rope_factors_long"
	return Graph{
		Width: h.Width,
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.Rope = rope
			return []Block{
				{Pre: Norm{Name: "attn_norm", Eps: h.Eps}, Body: a},
				{Pre: Norm{Name: "ffn_norm", Eps: h.Eps}, Body: GatedFFN{
					Inner: h.Inner(i), GateUp: "ffn_up", Down: "ffn_down", Act: program.SiLU}},
			}
		}),
	}
}
