package model

import "github.com/kvgen/kvgen/runtime/program"

// starcoder2 is StarCoder2: layer norms, biases everywhere, and a feed-forward network without a
// gate.
func starcoder2(h *Header) Graph {
	h.sizes()
	rope := h.Rope(program.Halves)
	norm := func(name string) Norm {
		return Norm{Name: name, Kind: program.LayerNorm, Eps: h.Float("attention.layer_norm_epsilon", 0)}
	}
	return Graph{
		Width: h.Width,
		Norm:  norm("output_norm"),
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.Rope = rope
			return []Block{
				{Pre: norm("attn_norm"), Body: a},
				{Pre: norm("ffn_norm"), Body: FFN{Inner: h.Inner(i), Up: "ffn_up", Down: "ffn_down", Act: program.GELU}},
			}
		}),
	}
}
