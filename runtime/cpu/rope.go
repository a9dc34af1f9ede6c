package cpu

// RopeHalves is RopeAdjacent for the pairs (x[i], x[i+n]) with n = len(cos): it rotates them by the
// angle whose cosine and sine are cos[i] and sin[i]. x is one head; values after 2*len(cos) stay.
func (v Vec) RopeHalves(x, cos, sin []float32) {
	n := len(cos)
	v.Vec.RopeHalves(x[:n], x[n:2*n], cos, sin)
}
