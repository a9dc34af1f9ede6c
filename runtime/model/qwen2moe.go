package model

import "github.com/kvgen/kvgen/runtime/program"

// qwen2moe is Qwen1.5 and Qwen2 with experts: qwen2 with experts whose weights are shares of all,
// and one network beside them that a gate of its own lets through.
func qwen2moe(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	experts := h.mustExperts()
	experts.Routing.AsIs = true
	return h.prenorm(func(i int, a *Attention) Body {
		a.Rope = rope
		inner := h.OptionalInt("expert_shared_feed_forward_length", 0)
		if inner == 0 {
			inner = h.Inner(i)
		}
		shared := sharedExpert(inner)
		shared.SharedGate = "ffn_gate_inp_shexp"
		return Sum{{Body: experts.sized(h, i)}, {Body: shared}}
	})
}
