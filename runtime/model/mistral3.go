package model

import "github.com/kvgen/kvgen/runtime/program"

// mistral3 is Ministral 3: llama with YaRN, and with queries that grow with the logarithm of their
// position beyond the context of the first training.
func mistral3(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Adjacent)
	rope.Factors = "rope_freqs"
	experts := h.Experts()
	temperature := &program.Temperature{Scale: h.OptionalFloat("attention.temperature_scale", 0), Every: rope.Original}
	return Graph{
		Width: h.Width,
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.Rope, a.Temperature = rope, temperature
			return []Block{
				{Pre: Norm{Name: "attn_norm", Eps: h.Eps}, Body: a},
				{Pre: Norm{Name: "ffn_norm", Eps: h.Eps}, Body: experts.or(h, i)},
			}
		}),
	}
}
