package model

import "github.com/kvgen/kvgen/runtime/program"

// postnorm is a graph of layers x += norm(attention(x)), x += norm(network(x)), with RMS norms.
// layer fills in what the attention has beside the sizes of the file.
func (h *Header) postnorm(layer func(i int, a *Attention)) Graph {
	norm := func(name string) Norm { return Norm{Name: name, Eps: h.Eps} }
	return Graph{
		Width: h.Width,
		Norm:  norm("output_norm"),
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.QNorm, a.KNorm = norm("attn_q_norm"), norm("attn_k_norm")
			layer(i, &a)
			return []Block{
				{Body: a, Post: norm("post_attention_norm")},
				{Body: h.GatedFFN(i, program.SiLU), Post: norm("post_ffw_norm")},
			}
		}),
	}
}
