package model

import "github.com/kvgen/kvgen/runtime/program"

// glm4 is GLM-4: biases on Q, K and V, RoPE over adjacent pairs of a part of each head, norms
// before and after each branch, and the rows of gate and up in one tensor.
func glm4(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Adjacent)
	if sections := h.ints("rope.dimension_sections"); len(sections) > 0 {
		rope.Sections, rope.Kind = sections, program.Halves
	}
	norm := func(name string) Norm { return Norm{Name: name, Eps: h.Eps} }
	return Graph{
		Width: h.Width,
		Norm:  norm("output_norm"),
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.Rope = rope
			return []Block{
				{Pre: norm("attn_norm"), Body: a, Post: norm("post_attention_norm")},
				{Pre: norm("ffn_norm"), Post: norm("post_ffw_norm"), Body: GatedFFN{
					Inner: h.Inner(i), GateUp: "ffn_up", Down: "ffn_down", Act: program.SiLU}},
			}
		}),
	}
}
