package model

// llama is Llama 1 to 3, Mistral, Mixtral, SmolLM and everything converted to their form: RMS norms, adjacent RoPE pairs
// with optional frequency factors, SwiGLU, of one network or of experts.
func llama(h *Header) Graph {
	h.common()
	rope := h.Rope(Adjacent)
	rope.Factors = "rope_freqs"
	experts := h.Experts()
	return Graph{
		Width: h.Width,
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.Rope = rope
			return []Block{
				{Pre: Norm{Name: "attn_norm", Eps: h.Eps}, Body: a},
				{Pre: Norm{Name: "ffn_norm", Eps: h.Eps}, Body: experts.or(h, i)},
			}
		}),
	}
}
