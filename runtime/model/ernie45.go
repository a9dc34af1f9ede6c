package model

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/program"
)

// ernie45 is ERNIE 4.5: llama, and with experts after the first layers.
func ernie45(h *Header) Graph {
	h.common()
	rope := h.Rope(program.Adjacent)
	network := func(i int) Body { return h.GatedFFN(i, program.SiLU) }
	if h.arch == "ernie4_5-moe" {
		if step := h.OptionalInt("interleave_moe_layer_step", 1); step != 1 {
			h.fail(fmt.Errorf("%s = %d: it must be 1", h.key("interleave_moe_layer_step"), step))
		}
		experts := h.mustExperts().routed(h, program.SoftmaxAll, true)
		shared := h.OptionalInt("expert_shared_feed_forward_length", 0)
		network = h.after(func(i int) Body { return experts.sized(h, i).with(shared) })
	}
	return h.prenorm(func(i int, a *Attention) Body {
		a.Rope = rope
		return network(i)
	})
}
