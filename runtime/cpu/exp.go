package cpu

import "math"

// Exp is e to the x, within 2 ulp for results that are normal numbers. Below -87.4 it is 0, above 88.7 +Inf.
func Exp(x float32) float32 {
	if x > 88 { // 2^128 is no float32
		if x > 88.7228390520684 {
			return float32(math.Inf(1))
		}
		n, r := reduce(x)
		return 2 * power(r) * math.Float32frombits(n-1<<23)
	}
	return exp(below(x))
}

// exp is Exp for x in -88..88 or NaN: x = n ln2 + r with |r| <= ln2/2, and e^r is the polynomial of the Cephes library's
// expf. No table and no branch, so that a vector form computes the same. It is in two parts to be inlined.
func exp(x float32) float32 {
	n, r := reduce(x)
	return power(r) * math.Float32frombits(n)
}

// reduce returns the bits of 2^n, zero for n = -127, and r.
func reduce(x float32) (uint32, float32) {
	const (
		log2e = 1.44269504088896341
		hi    = 0.693359375    // ln2 in two parts, the first with few bits so that n*hi is exact
		lo    = -2.12194440e-4 //
		magic = 12582912.0     // 1.5 * 2^23: adding it rounds to an integer, and leaves that in the low bits
	)
	n := float32(x*log2e) + magic
	r := x - float32((n-magic)*hi) - float32((n-magic)*lo)
	return math.Float32bits(n)<<23 + 0x3f800000, r
}

// power is e^r.
func power(r float32) float32 {
	p := float32(1.9875691500e-4*r) + 1.3981999507e-3
	p = float32(p*r) + 8.3334519073e-3
	p = float32(p*r) + 4.1665795894e-2
	p = float32(p*r) + 1.6666665459e-1
	p = float32(p*r) + 5.0000001201e-1
	return float32(float32(p*r)*r) + r + 1
}

// below raises an exponent to -88, of which exp makes 0, so that it does not leave the range.
func below(x float32) float32 {
	if x < -88 {
		return -88
	}
	return x
}

// ExpSum replaces each x by exp(scale*x - shift), 0 for -Inf, and returns the sum of the results. No scale*x is above shift.
func ExpSum(x []float32, scale, shift float32) float32 {
	var s0, s1 float32
	i := 0
	for ; i+2 <= len(x); i += 2 { // exp by its parts, since a call would keep the two from overlapping
		v := x[i : i+2 : i+2]
		n0, r0 := reduce(below(v[0]*scale - shift))
		n1, r1 := reduce(below(v[1]*scale - shift))
		e0, e1 := power(r0)*math.Float32frombits(n0), power(r1)*math.Float32frombits(n1)
		v[0], v[1] = e0, e1
		s0, s1 = s0+e0, s1+e1
	}
	if i < len(x) {
		x[i] = exp(below(x[i]*scale - shift))
		s0 += x[i]
	}
	return s0 + s1
}

// bound keeps an exponent in the range of exp, where the result stands for 0 or is as good as infinite.
func bound(x float32) float32 {
	if x < -88 {
		return -88
	}
	if x > 88 {
		return 88
	}
	return x
}

// Max is the largest of x, -Inf for none, NaN if there is one.
func Max(x []float32) float32 {
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
	return max(max(m0, m1), max(m2, m3))
}
