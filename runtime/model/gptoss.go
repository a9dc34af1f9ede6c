package model

import (
	"github.com/kvgen/kvgen/runtime/program"
	"math"
)

// gptOSS is OpenAI's open-weight models: every other layer sees a sliding window, each head has a
// sink that takes part in the softmax and has no value, all matrices have biases, and experts have
// a clamped gate.
func gptOSS(h *Header) Graph {
	h.common()
	full := h.Rope(program.Halves)
	if full.Yarn != nil { // truncate is false in the original configuration
		full.Yarn.Whole = h.Flag(truncateKey, false)
	}
	sliding := full.based(h.OptionalFloat("rope.freq_base_swa", full.Base))
	window := h.Int("attention.sliding_window", 0)
	slides := h.slidingPattern(2)
	experts := h.mustExperts()
	experts.Act, experts.Routing.Gating = program.SwiGLUClamped, program.SoftmaxChosen
	return Graph{
		Width: h.Width,
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Layers: h.each(func(i int) []Block {
			a := h.Attention(i)
			a.Sinks = "attn_sinks"
			a.Rope = full
			a.Scale = 1 / float32(math.Sqrt(float64(full.Dims)))
			if slides(i) {
				a.Rope, a.Window = sliding, window
			}
			return []Block{
				{Pre: Norm{Name: "attn_norm", Eps: h.Eps}, Body: a},
				{Pre: Norm{Name: "post_attention_norm", Eps: h.Eps}, Body: experts.sized(h, i)},
			}
		}),
	}
}
