package model

import "github.com/kvgen/kvgen/runtime/program"

// kimiLinear is Kimi Linear: of each few layers one has attention over a latent vector, without
// RoPE, and the others are recurrent; after the first layers experts, with some beside them for all
// tokens.
func kimiLinear(h *Header) Graph {
	h.sparse = true
	h.common()
	experts := h.mustExperts().routed(h, program.Sigmoid, true)
	experts.Routing.AsIs = false // whatever the file says
	shared := h.OptionalInt("expert_shared_count", 0)
	network := h.after(func(i int) Body {
		e := experts.sized(h, i)
		return e.with(e.Inner * shared)
	})
	norm := func(name string) Norm { return Norm{Name: name, Eps: h.Eps} }
	dim := h.recurrentSize("kda.head_dim", maxStateSize)
	taps := h.recurrentSize("ssm.conv_kernel", maxTaps)
	return Graph{
		Width: h.Width,
		Norm:  norm("output_norm"),
		Layers: h.each(func(i int) []Block {
			var mixer Body
			if at(h.kvAll, i) > 0 {
				mixer = h.latent(i)
			} else {
				mixer = ChannelDelta{Heads: at(h.headsAll, i), Dim: dim, Taps: taps, Eps: h.Eps, Q: "attn_q", K: "attn_k", V: "attn_v",
					Beta: "ssm_beta", Out: "attn_output", Conv: [3]string{"ssm_conv1d_q", "ssm_conv1d_k", "ssm_conv1d_v"},
					DecayDown: "ssm_f_a", DecayUp: "ssm_f_b", GateDown: "ssm_g_a", GateUp: "ssm_g_b",
					Step: "ssm_dt", Decay: "ssm_a", Norm: norm("ssm_norm")}
			}
			return []Block{{Pre: norm("attn_norm"), Body: mixer}, {Pre: norm("ffn_norm"), Body: network(i)}}
		}),
	}
}
