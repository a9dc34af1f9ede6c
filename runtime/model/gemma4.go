package model

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/runtime/program"
)

// gemma4 is Gemma 4 in its three forms. All scale their embedding, normalise heads of queries, keys
// and values, have norms around each branch and see a sliding window in some layers, which have
// heads of their own size. The small ones (E2B) have an input of each layer's own and let the last
// layers read the caches of earlier ones. The one with experts (A4B) adds them to the feed-forward
// network, and in full layers takes the keys for values.
func gemma4(h *Header) Graph {
	h.common()
	size := h.OptionalInt("embedding_length_per_layer_input", 0)
	g := Graph{
		Width: h.Width,
		Scale: float32(math.Sqrt(float64(h.Width))),
		Norm:  Norm{Name: "output_norm", Eps: h.Eps},
		Cap:   h.Float("final_logit_softcapping", 30),
	}
	if size > 0 {
		g.Inputs = &Inputs{Size: size, Embedding: "per_layer_token_embd", Projection: "per_layer_model_proj",
			Norm: Norm{Name: "per_layer_proj_norm", Eps: h.Eps}}
	}
	attention, experts := h.gemma4Attention(), h.Experts()
	norm := func(name string) Norm { return Norm{Name: name, Eps: h.Eps} }
	g.Layers = h.each(func(i int) []Block {
		blocks := []Block{
			{Pre: norm("attn_norm"), Body: attention(i), Post: norm("post_attention_norm")},
			{Pre: norm("ffn_norm"), Body: h.GatedFFN(i, program.GELU), Post: norm("post_ffw_norm")},
		}
		if h.hasTensor(i, "ffn_gate_inp.weight") {
			e := experts.sized(h, i)
			e.Act, e.Norm = program.GELU, norm("pre_ffw_norm_2")
			e.RouterNorm = Norm{Name: "ffn_gate_inp", Suffix: "scale", Eps: h.Eps, Times: 1 / g.Scale}
			blocks[1] = Block{Post: blocks[1].Post, Body: Sum{
				{Pre: blocks[1].Pre, Body: blocks[1].Body, Post: norm("post_ffw_norm_1")},
				{Body: e, Post: norm("post_ffw_norm_2")},
			}}
		}
		if size > 0 {
			blocks = append(blocks, Block{Body: InputGate{Size: size, Gate: "inp_gate", Out: "proj", Act: program.GELU}, Post: norm("post_norm")})
		}
		blocks[len(blocks)-1].Scale = "layer_output_scale"
		return blocks
	})
	return g
}

// gemma4Attention makes the attention of a layer.
func (h *Header) gemma4Attention() func(layer int) Attention {
	full := h.Rope(program.Halves)
	full.Factors = "rope_freqs"
	sliding := full.unscaled(h.OptionalFloat("rope.freq_base_swa", 10000))
	sliding.Dims = h.Int("rope.dimension_count_swa", full.Dims)
	window, slides := h.Int("attention.sliding_window", 0), h.slidingPattern(6)
	// layers with a cache of their own, the first ones
	own := h.Layers - h.OptionalInt("attention.shared_kv_layers", 0)
	if own < 0 {
		h.fail(fmt.Errorf("%s = %d of %d layers", h.key("attention.shared_kv_layers"), h.Layers-own, h.Layers))
	}
	return func(i int) Attention {
		a := h.Attention(i)
		a.QNorm, a.KNorm = Norm{Name: "attn_q_norm", Eps: h.Eps}, Norm{Name: "attn_k_norm", Eps: h.Eps}
		a.VNorm = Norm{Bare: true, Eps: h.Eps}
		a.Rope, a.Scale = full, 1
		a.QKV, a.CacheOf = "", own-1
		if slides(i) {
			a.Rope, a.Window = sliding, window
			a.KeyDim, a.ValueDim = h.head("attention.key_length_swa"), h.head("attention.value_length_swa")
			a.CacheOf = own - 2
		}
		if !h.hasTensor(i, "attn_v.weight") {
			a.V = ""
		}
		if i >= own {
			a.K, a.V, a.KNorm, a.VNorm = "", "", Norm{}, Norm{}
		}
		return a
	}
}
