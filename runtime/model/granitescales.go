package model

import "github.com/kvgen/kvgen/runtime/program"

// graniteRope is the RoPE, nil where the file turns it off.
func (h *Header) graniteRope() *Rope {
	rope := h.Rope(program.Adjacent)
	if rope.Factors = "rope_freqs"; !h.Flag("rope.scaling.finetuned", true) {
		return nil
	}
	return rope
}

// graniteScales is the embedding's scale and the last norm. What each branch adds is scaled by r.
// That is r times a stream which adds them unscaled:
//
//	x + r f(norm(x)) = r (x/r + f(norm(x)));  norm(x) is norm(x/r) with an epsilon divided by r*r
//
// so that the embedding is divided by r here, and the epsilon of all norms by r*r.
func (h *Header) graniteScales() (embedding float32, last Norm) {
	residual := h.OptionalFloat("residual_scale", 1)
	h.Eps /= residual * residual
	return h.OptionalFloat("embedding_scale", 1) / residual,
		Norm{Name: "output_norm", Eps: h.Eps, Times: 1 / h.OptionalFloat("logit_scale", 1)}
}
