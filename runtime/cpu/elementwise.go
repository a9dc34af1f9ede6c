package cpu

import "math"

// Add is y += x.
func Add(y, x []float32) {
	for i, v := range x[:len(y)] {
		y[i] += v
	}
}

// Scale is y *= s.
func Scale(y []float32, s float32) {
	for i := range y {
		y[i] *= s
	}
}

// SiLUMul is gate = gate * sigmoid(gate) * up.
func SiLUMul(gate, up []float32) {
	up = up[:len(gate)]
	for i, g := range gate {
		n, r := reduce(bound(-g)) // exp by its parts, since a call would keep elements from overlapping
		gate[i] = g / (1 + power(r)*math.Float32frombits(n)) * up[i]
	}
}

// GELUMul is gate = gelu(gate) * up with the tanh form of GELU.
func GELUMul(gate, up []float32) {
	GELU(gate)
	for i, u := range up[:len(gate)] {
		gate[i] *= u
	}
}

// GELU is x = gelu(x), the tanh form: x/2 (1 + tanh u) = x sigmoid(2u) with u = sqrt(2/pi) (x + 0.044715 x^3).
func GELU(x []float32) {
	const root = 0.7978845608028654 // sqrt(2/pi)
	for i, v := range x {
		n, r := reduce(bound(-2 * root * v * (1 + float32(0.044715*v*v))))
		x[i] = v / (1 + power(r)*math.Float32frombits(n))
	}
}

// SoftCap is x = c tanh(x/c).
func SoftCap(x []float32, c float32) {
	for i, v := range x {
		x[i] = c * (1 - 2/(exp(bound(2*v/c))+1))
	}
}

// RMSNorm is y = x / sqrt(mean(x^2) + eps) * w, w nil for all ones. y may be x.
func RMSNorm(y, x, w []float32, eps float32) {
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		a, b, c, d := float64(x[i]), float64(x[i+1]), float64(x[i+2]), float64(x[i+3])
		s0, s1, s2, s3 = s0+a*a, s1+b*b, s2+c*c, s3+d*d
	}
	for ; i < len(x); i++ {
		s0 += float64(x[i]) * float64(x[i])
	}
	scale := float32(1 / math.Sqrt((s0+s1+s2+s3)/float64(len(x))+float64(eps)))
	if w == nil {
		for i, v := range x {
			y[i] = v * scale
		}
		return
	}
	y, w = y[:len(x)], w[:len(x)]
	for i, v := range x {
		y[i] = v * scale * w[i]
	}
}

// LayerNorm is y = (x - mean) / sqrt(variance + eps) * w + b, b nil for none. y may be x.
func LayerNorm(y, x, w, b []float32, eps float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	var sq float64
	for _, v := range x {
		d := float64(v) - mean
		sq += d * d
	}
	scale := float32(1 / math.Sqrt(sq/float64(len(x))+float64(eps)))
	for i, v := range x {
		y[i] = (v - float32(mean)) * scale * w[i]
	}
	if b != nil {
		Add(y[:len(x)], b)
	}
}
