package model

// qwen3next is Qwen3-Next: qwen35moe with the matrices of recurrent layers by key head.
func qwen3next(h *Header) Graph {
	g := qwen35moe(h)
	for _, blocks := range g.Layers {
		for i := range blocks {
			if d, ok := blocks[i].Body.(DeltaNet); ok {
				d.All, d.BetaAlpha, d.Grouped = "ssm_in", "ssm_ba", true
				blocks[i].Body = d
			}
		}
	}
	return g
}
