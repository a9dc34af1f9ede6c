package model

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/program"
)

// stablelm is StableLM: norms by mean and variance and RoPE over a part of each head. Without a
// norm of its own the network reads that of the attention, and both are added up.
func stablelm(h *Header) Graph {
	h.sizes()
	rope := h.Rope(program.Halves)
	norm := func(name string) Norm {
		return Norm{Name: name, Kind: program.LayerNorm, Eps: h.Float("attention.layer_norm_epsilon", 0)}
	}
	return Graph{
		Width: h.Width,
		Norm:  norm("output_norm"),
		Layers: h.each(func(i int) []Block {
			if h.hasTensor(i, "attn_q_norm.weight") {
				h.fail(fmt.Errorf("layer %d: norms by mean and variance of each head, as of StableLM 2 12B, are not supported", i))
			}
			a := h.Attention(i)
			a.Rope = rope
			network := h.GatedFFN(i, program.SiLU)
			if !h.hasTensor(i, "ffn_norm.weight") {
				return []Block{{Pre: norm("attn_norm"), Body: Sum{{Body: a}, {Body: network}}}}
			}
			return []Block{{Pre: norm("attn_norm"), Body: a}, {Pre: norm("ffn_norm"), Body: network}}
		}),
	}
}
