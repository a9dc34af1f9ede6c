package model

// mamba2 is Mamba-2: nothing but recurrent layers.
func mamba2(h *Header) Graph {
	h.headless = true
	h.common()
	mixer := h.mamba()
	return Graph{
		Width:  h.Width,
		Norm:   Norm{Name: "output_norm", Eps: h.Eps},
		Layers: h.each(func(int) []Block { return []Block{{Pre: Norm{Name: "attn_norm", Eps: h.Eps}, Body: mixer}} }),
	}
}
