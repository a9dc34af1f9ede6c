package cpu

import "math"

// Loops take exp by its parts: a call would keep their turns from overlapping.

func vecMaxGeneric(x []float32) float32 {
	m0 := float32(math.Inf(-1))
	m1, m2, m3 := m0, m0, m0
	i := 0
	for ; i+4 <= len(x); i += 4 {
		v := x[i : i+4 : i+4]
		m0, m1, m2, m3 = max(m0, v[0]), max(m1, v[1]), max(m2, v[2]), max(m3, v[3])
	}
	for ; i < len(x); i++ {
		m0 = max(m0, x[i])
	}
	return foldMax(&[8]float32{m0, m1, m2, m3, m0, m1, m2, m3})
}

// foldMax adds 0, which makes +0 of -0.
func foldMax(lanes *[8]float32) float32 {
	m := lanes[0]
	for _, v := range lanes[1:] {
		m = max(m, v)
	}
	return m + 0
}

func vecExpSumGeneric(x []float32, scale, shift float32) float32 {
	var sum [8]float32
	i := 0
	for ; i+8 <= len(x); i += 8 {
		v := (*[8]float32)(x[i:])
		for l := 0; l < 8; l += 2 {
			n0, r0 := reduce(below(float32(v[l]*scale) - shift))
			n1, r1 := reduce(below(float32(v[l+1]*scale) - shift))
			e0, e1 := float32(power(r0)*math.Float32frombits(n0)), float32(power(r1)*math.Float32frombits(n1))
			v[l], v[l+1] = e0, e1
			sum[l] += e0
			sum[l+1] += e1
		}
	}
	for l := range x[i:] {
		v := exp(below(float32(x[i+l]*scale) - shift))
		x[i+l] = v
		sum[l] += v
	}
	return foldSum(&sum)
}

func foldSum(l *[8]float32) float32 {
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

func vecSiLUMulGeneric(gate, up []float32) {
	up = up[:len(gate)]
	for i, g := range gate {
		n, r := reduce(within(-g))
		gate[i] = g / (1 + float32(power(r)*math.Float32frombits(n))) * up[i]
	}
}

func vecGELUMulGeneric(gate, up []float32) {
	const root = 0.7978845608028654 // sqrt(2/pi)
	up = up[:len(gate)]
	for i, g := range gate {
		n, r := reduce(within(float32(-2 * root * g * (1 + float32(0.044715*g*g)))))
		gate[i] = g / (1 + float32(power(r)*math.Float32frombits(n))) * up[i]
	}
}

func vecSoftCapGeneric(x []float32, c float32) {
	k := 2 / c
	for i, v := range x {
		n, r := reduce(within(float32(v * k)))
		x[i] = (1 - 2/(float32(power(r)*math.Float32frombits(n))+1)) * c
	}
}

func vecAddGeneric(y, x []float32) {
	for i, v := range x[:len(y)] {
		y[i] += v
	}
}

func vecScaleGeneric(y []float32, s float32) {
	for i := range y {
		y[i] *= s
	}
}

func vecScaleMulGeneric(y, x, w []float32, s float32) {
	w = w[:len(y)]
	for i, v := range x[:len(y)] {
		y[i] = v * s * w[i]
	}
}

func vecBlendGeneric(y, x []float32, a, b float32) {
	for i, v := range x[:len(y)] {
		y[i] = float32(y[i]*a) + float32(v*b)
	}
}

func vecSumSquaresGeneric(x []float32) float64 {
	var sum [8]float64
	i := 0
	for ; i+8 <= len(x); i += 8 {
		for l, v := range (*[8]float32)(x[i:]) {
			sum[l] += float64(v) * float64(v) // exact, so that it may be fused
		}
	}
	for l, v := range x[i:] {
		sum[l] += float64(v) * float64(v)
	}
	return foldSquares(&sum)
}

func foldSquares(l *[8]float64) float64 {
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

func vecRopeAdjacentGeneric(x, cos, sin []float32) {
	x, sin = x[:2*len(cos)], sin[:len(cos)]
	for i, c := range cos {
		a, b, s := x[2*i], x[2*i+1], sin[i]
		x[2*i] = float32(a*c) - float32(b*s)
		x[2*i+1] = float32(a*s) + float32(b*c)
	}
}

func vecRopeHalvesGeneric(lo, hi, cos, sin []float32) {
	hi, cos, sin = hi[:len(lo)], cos[:len(lo)], sin[:len(lo)]
	for i, c := range cos {
		a, b, s := lo[i], hi[i], sin[i]
		lo[i] = float32(a*c) - float32(b*s)
		hi[i] = float32(a*s) + float32(b*c)
	}
}
