package cpu

import "github.com/kvgen/kvgen/kernels"

// RopeAdjacent turns the pairs (x[2i], x[2i+1]) by the angle whose cosine and sine are cos[i] and sin[i]. x is one
// head; values after 2*len(cos) stay.
func RopeAdjacent(x, cos, sin []float32) { kernels.BestVec().RopeAdjacent(x, cos, sin) }

// RopeHalves is RopeAdjacent for the pairs (x[i], x[i+n]) with n = len(cos).
func RopeHalves(x, cos, sin []float32) {
	n := len(cos)
	kernels.BestVec().RopeHalves(x[:n], x[n:2*n], cos, sin)
}
