package cpu

// RopeAdjacent turns the pairs (x[2i], x[2i+1]) by the angle whose cosine and sine are cos[i] and sin[i]. x is one
// head; values after 2*len(cos) stay.
func RopeAdjacent(x, cos, sin []float32) {
	x, sin = x[:2*len(cos)], sin[:len(cos)]
	for i, c := range cos {
		a, b, s := x[2*i], x[2*i+1], sin[i]
		x[2*i] = float32(a*c) - float32(b*s)
		x[2*i+1] = float32(a*s) + float32(b*c)
	}
}

// RopeHalves is RopeAdjacent for the pairs (x[i], x[i+n]) with n = len(cos).
func RopeHalves(x, cos, sin []float32) {
	n := len(cos)
	lo, hi, sin := x[:n], x[n:2*n], sin[:n]
	for i, c := range cos {
		a, b, s := lo[i], hi[i], sin[i]
		lo[i] = float32(a*c) - float32(b*s)
		hi[i] = float32(a*s) + float32(b*c)
	}
}
