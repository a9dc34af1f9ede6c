package model

import "github.com/kvgen/kvgen/runtime/program"

// llama is Llama 1 to 3, Mistral, Mixtral, SmolLM and everything converted to their form: RMS
// norms, adjacent RoPE pairs with optional frequency factors, SwiGLU, of one network or of experts.
// A search over architectures, as of Nemotron, leaves layers without attention, with its last
// matrix alone, or without the network.
func llama(h *Header) Graph {
	h.sparse = true
	h.common()
	rope := h.Rope(program.Adjacent)
	rope.Factors = "rope_freqs"
	experts := h.Experts()
	return Graph{
		Width: h.Width,
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Layers: h.each(func(i int) (blocks []Block) {
			attention, matrix, ffn := h.parts(i)
			norm := Norm{Name: "attn_norm", Eps: h.Eps}
			switch {
			case attention:
				a := h.Attention(i)
				a.Rope = rope
				blocks = append(blocks, Block{Pre: norm, Body: a})
			case matrix:
				blocks = append(blocks, Block{Pre: norm, Body: Matrix{Out: "attn_output"}})
			}
			if ffn {
				blocks = append(blocks, Block{Pre: Norm{Name: "ffn_norm", Eps: h.Eps}, Body: experts.or(h, i)})
			}
			return blocks
		}),
	}
}
