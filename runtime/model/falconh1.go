package model

import "github.com/kvgen/kvgen/runtime/program"

// falconH1 is Falcon-H1: attention and a recurrent layer of Mamba-2 side by side.
func falconH1(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	recurrent := h.mamba()
	return Graph{
		Width: h.Width,
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.Rope = rope
			return []Block{
				{Pre: Norm{Name: "attn_norm", Eps: h.Eps}, Body: Sum{{Body: a}, {Body: recurrent}}},
				{Pre: Norm{Name: "ffn_norm", Eps: h.Eps, Whole: !h.hasTensor(i, "ffn_norm.weight")}, Body: h.GatedFFN(i, program.SiLU)},
			}
		}),
	}
}
