package model

import (
	"math"

	"github.com/kvgen/kvgen/runtime/program"
)

// deepseek2 is DeepSeek V2, V3 and R1, Kimi K2 and GLM-4.7 Flash: attention over a latent vector,
// and after the first layers experts, in groups in some, with some beside them for all tokens.
func deepseek2(h *Header) Graph {
	h.common()
	rope, stretch := h.deepseekRope()
	experts := h.mustExperts().routed(h, program.SoftmaxAll, false)
	shared := h.OptionalInt("expert_shared_count", 0)
	temperature := &program.Temperature{Scale: h.OptionalFloat("attention.temperature_scale", 0),
		Every: h.OptionalInt("attention.temperature_length", rope.Original)}
	network := h.after(func(i int) Body {
		e := experts.sized(h, i)
		return e.with(e.Inner * shared)
	})
	return h.prenorm(func(i int, a *Attention) Body {
		*a = h.latent(i)
		a.Rope, a.Temperature = rope, temperature
		a.Scale *= stretch
		return network(i)
	})
}

// deepseekRope is the RoPE, and the factor of scores where it is scaled by YaRN. The multiplier of
// a file is of the scores; with it cosines and sines have no magnitude.
func (h *Header) deepseekRope() (r *Rope, stretch float32) {
	if r = h.Rope(program.Adjacent); r.Yarn == nil {
		return r, 1
	}
	multiplier := float32(1)
	if r.Yarn.Multiplier != 0 {
		multiplier = r.Yarn.Multiplier / 0.1
		r.Yarn.Multiplier = 1
	}
	m := 1 + 0.1*multiplier*float32(math.Log(float64(max(1, r.Factor))))
	return r, m * m
}
