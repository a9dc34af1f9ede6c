package model

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/program"
)

// llama4 is Llama 4: three of four layers have RoPE, and a norm of query and key heads without
// weights, and see the positions of their chunk; the fourth sees all without RoPE, and scales
// queries by their position. Of each few layers the last has experts, of which a token's input is
// weighed, and one network beside them.
func llama4(h *Header) Graph {
	const period, chunk, large = 4, 8192, 128 // layers, positions, experts of a model without norms
	h.common()
	rope := h.Rope(program.Adjacent)
	rope.Factors = "rope_freqs"
	experts, step := h.mustExperts(), h.Int("interleave_moe_layer_step", 0)
	experts.Routing = program.Routing{Gating: program.Sigmoid, AsIs: true, OnInput: true}
	if h.Has("attention.sliding_window") && h.OptionalInt("attention.sliding_window", 0) == 0 {
		h.fail(fmt.Errorf("%s = 0: models without chunks are not supported", h.key("attention.sliding_window")))
	}
	return h.prenorm(func(i int, a *Attention) Body {
		if (i+1)%period != 0 {
			// a rotation leaves the length of a head, so that the norm may as well come first
			if a.Rope, a.Window, a.Chunked = rope, chunk, true; experts.Count != large {
				a.QNorm, a.KNorm = Norm{Bare: true, Eps: h.Eps}, Norm{Bare: true, Eps: h.Eps}
			}
		} else {
			a.Temperature = &program.Temperature{Scale: 0.1, Every: chunk, Ahead: true}
		}
		if (i+1)%step != 0 {
			return h.GatedFFN(i, program.SiLU)
		}
		e := experts.sized(h, i)
		return e.with(e.Inner)
	})
}
