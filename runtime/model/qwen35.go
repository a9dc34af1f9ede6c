package model

import (
	"fmt"
	"github.com/kvgen/kvgen/runtime/program"
)

// qwen35 is Qwen3.5: of each few layers all but the last are recurrent, and that has full attention
// whose output a gate lets through.
func qwen35(h *Header) Graph {
	return h.hybrid(func(i int) Body { return h.GatedFFN(i, program.SiLU) })
}

// qwen35moe is Qwen3.5 with experts and one network beside them that every token uses, through a
// gate of its own.
func qwen35moe(h *Header) Graph {
	var experts Experts
	return h.hybrid(func(i int) Body {
		if i == 0 {
			experts = h.mustExperts()
		}
		inner := h.OptionalInt("expert_shared_feed_forward_length", 0)
		if inner == 0 {
			inner = h.Inner(i)
		}
		shared := sharedExpert(inner)
		shared.SharedGate = "ffn_gate_inp_shexp"
		return Sum{{Body: experts.sized(h, i)}, {Body: shared}}
	})
}

// hybrid is both, with the feed-forward network of a layer.
func (h *Header) hybrid(ffn func(layer int) Body) Graph {
	h.common()
	rope := h.Rope(program.Halves)
	rope.Sections = h.ints("rope.dimension_sections")
	interval := h.Int("full_attention_interval", 4)
	norm := func(name string) Norm { return Norm{Name: name, Eps: h.Eps} }
	recurrent := h.deltaNet()
	return Graph{
		Width: h.Width,
		Norm:  norm("output_norm"),
		Layers: h.each(func(i int) []Block {
			var mixer Body = recurrent
			if (i+1)%interval == 0 {
				a := h.Attention(i)
				a.Rope, a.Gated = rope, true
				a.QNorm, a.KNorm = norm("attn_q_norm"), norm("attn_k_norm")
				mixer = a
			}
			return []Block{
				{Pre: norm("attn_norm"), Body: mixer},
				{Pre: norm("post_attention_norm"), Body: ffn(i)},
			}
		}),
	}
}

// deltaNet reads the recurrent layers of the file.
func (h *Header) deltaNet() DeltaNet {
	d := DeltaNet{Taps: h.Int("ssm.conv_kernel", 0), Dim: h.Int("ssm.state_size", 0), Eps: h.Eps,
		KeyHeads: h.Int("ssm.group_count", 0), ValueHeads: h.Int("ssm.time_step_rank", 0),
		QKV: "attn_qkv", Gate: "attn_gate", Alpha: "ssm_alpha", Beta: "ssm_beta", Out: "ssm_out",
		Conv: "ssm_conv1d", Decay: "ssm_a", Step: "ssm_dt", Norm: Norm{Name: "ssm_norm", Eps: h.Eps}}
	const maxTaps = 64
	switch inner := h.Int("ssm.inner_size", 0); {
	case d.ValueHeads%d.KeyHeads != 0:
		h.fail(fmt.Errorf("%s = %d is no multiple of the %d key heads", h.key("ssm.time_step_rank"), d.ValueHeads, d.KeyHeads))
	case d.Dim > maxHead || d.Taps > maxTaps || d.ValueHeads > maxHead:
		h.fail(fmt.Errorf("recurrent layers of %d heads of %d values and %d taps: the limits are %d, %d and %d", d.ValueHeads, d.Dim, d.Taps, maxHead, maxHead, maxTaps))
	case inner != d.ValueHeads*d.Dim:
		h.fail(fmt.Errorf("%s = %d: %d heads of %d values are %d", h.key("ssm.inner_size"), inner, d.ValueHeads, d.Dim, d.ValueHeads*d.Dim))
	}
	return d
}
