package model

import "github.com/kvgen/kvgen/runtime/program"

// lfm2 is LFM2, with experts too: most layers have a short convolution in place of attention, which
// has norms of every query and key head. The last norm has the name of the embedding's.
func lfm2(h *Header) Graph {
	h.sparse = true
	h.common()
	rope := h.Rope(program.Halves)
	window := h.OptionalInt("attention.sliding_window", 0)
	network := func(i int) Body { return h.GatedFFN(i, program.SiLU) }
	if h.arch == "lfm2moe" {
		experts := h.mustExperts().routed(h, program.Sigmoid, true)
		experts.Routing.AsIs = false // whatever the file says
		network = h.after(func(i int) Body { return experts.sized(h, i) })
	}
	norm := func(name string) Norm { return Norm{Name: name, Eps: h.Eps} }
	conv := ShortConv{Taps: h.recurrentSize("shortconv.l_cache", maxTaps), In: "shortconv.in_proj", Out: "shortconv.out_proj", Conv: "shortconv.conv"}
	return Graph{
		Width: h.Width,
		Norm:  norm("token_embd_norm"),
		Layers: h.each(func(i int) []Block {
			var mixer Body = conv
			if at(h.kvAll, i) > 0 {
				a := h.Attention(i)
				a.Rope, a.Window = rope, window
				h.headNorms(i, &a)
				mixer = a
			}
			return []Block{{Pre: norm("attn_norm"), Body: mixer}, {Pre: norm("ffn_norm"), Body: network(i)}}
		}),
	}
}
