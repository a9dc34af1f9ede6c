package model

// prenorm is a graph of layers x += attention(norm(x)), x += network(norm(x)), with RMS norms of
// the usual names. layer fills in what its attention has beside the sizes of the file, and returns
// its network.
func (h *Header) prenorm(layer func(i int, a *Attention) Body) Graph {
	return Graph{
		Width: h.Width,
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			network := layer(i, &a)
			return []Block{
				{Pre: Norm{Name: "attn_norm", Eps: h.Eps}, Body: a},
				{Pre: Norm{Name: h.networkNorm(i), Eps: h.Eps}, Body: network},
			}
		}),
	}
}

// networkNorm is the name of the norm before the network of a layer. Families that have no other
// norm after attention call it after that.
func (h *Header) networkNorm(layer int) string {
	if !h.hasTensor(layer, "ffn_norm.weight") && h.hasTensor(layer, "post_attention_norm.weight") {
		return "post_attention_norm"
	}
	return "ffn_norm"
}

// headNorms gives an attention the RMS norms of every query and key head, where the layer has them.
func (h *Header) headNorms(layer int, a *Attention) {
	if h.hasTensor(layer, "attn_q_norm.weight") {
		a.QNorm = Norm{Name: "attn_q_norm", Eps: h.Eps}
	}
	if h.hasTensor(layer, "attn_k_norm.weight") {
		a.KNorm = Norm{Name: "attn_k_norm", Eps: h.Eps}
	}
}
