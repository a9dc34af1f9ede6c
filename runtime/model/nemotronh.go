package model

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/program"
)

// nemotronH is Nemotron-H and Nemotron 3: each layer is one of a recurrent layer of Mamba-2, an
// attention without RoPE, and a network without a gate, or experts of such with one beside them.
func nemotronH(h *Header) Graph {
	h.sparse = true
	h.sizes()
	h.Eps = h.Float("attention.layer_norm_epsilon", 0)
	h.Eps = h.OptionalFloat("attention.layer_norm_rms_epsilon", h.Eps)
	recurrent := h.mamba()
	if h.OptionalInt("moe_latent_size", 0) > 0 {
		h.fail(fmt.Errorf("%s = %d: experts over a latent are not supported", h.key("moe_latent_size"), h.OptionalInt("moe_latent_size", 0)))
	}
	network := func(i int) Body {
		return FFN{Inner: h.Inner(i), Up: "ffn_up", Down: "ffn_down", Act: program.SquaredReLU}
	}
	if h.arch == "nemotron_h_moe" {
		experts := h.mustExperts().routed(h, program.Sigmoid, true)
		experts.Act, experts.Gate, experts.GateUp = program.SquaredReLU, "", ""
		shared := h.OptionalInt("expert_shared_feed_forward_length", 0)
		network = func(i int) Body {
			if shared == 0 {
				return experts.sized(h, i)
			}
			return Sum{{Body: experts.sized(h, i)}, {Body: FFN{Inner: shared, Up: "ffn_up_shexp", Down: "ffn_down_shexp", Act: program.SquaredReLU}}}
		}
	}
	return Graph{
		Width: h.Width,
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Layers: h.each(func(i int) []Block {
			var body Body = recurrent
			switch {
			case h.ffnAll != nil && at(h.ffnAll, i) > 0:
				body = network(i)
			case at(h.kvAll, i) > 0:
				body = h.Attention(i)
			}
			return []Block{{Pre: Norm{Name: "attn_norm", Eps: h.Eps}, Body: body}}
		}),
	}
}
