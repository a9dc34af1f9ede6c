package model

import "github.com/kvgen/kvgen/runtime/program"

// gpt2 is GPT-2: layer norms, biases everywhere, and a learned vector per position instead of RoPE.
func gpt2(h *Header) Graph {
	h.sizes()
	norm := func(name string) Norm {
		return Norm{Name: name, Kind: program.LayerNorm, Eps: h.Float("attention.layer_norm_epsilon", 0)}
	}
	return Graph{
		Width:     h.Width,
		Positions: "position_embd",
		Norm:      norm("output_norm"),
		Layers: h.each(func(i int) []Block {
			return []Block{
				{Pre: norm("attn_norm"), Body: h.Attention(i)},
				{Pre: norm("ffn_norm"), Body: FFN{Inner: h.Inner(i), Up: "ffn_up", Down: "ffn_down", Act: program.GELU}},
			}
		}),
	}
}
