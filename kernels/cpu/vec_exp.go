package cpu

import "math"

// Exp is e to the x, within 2 ulp for results that are normal numbers. Below -87.68 it is 0, above
// 88.72 +Inf; between there and -87.34 results are subnormal and rounded to those.
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

// exp is Exp for x in -88..88 or NaN: x = n ln2 + r with |r| <= ln2/2, and e^r is the polynomial of
// the Cephes library's expf. No table, no branch and no fused product, for vectors compute the
// same. It is in two parts to be inlined.
func exp(x float32) float32 {
	n, r := reduce(x)
	return float32(power(r) * math.Float32frombits(n)) // rounded, whatever it is inlined into
}

// reduce returns the bits of 2^n, zero for n = -127, and r.
func reduce(x float32) (uint32, float32) {
	const (
		log2e = 1.44269504088896341
		hi    = 0.693359375    // ln2 in two parts, the first with few bits so that n*hi is exact
		lo    = -2.12194440e-4 //
		// 1.5 * 2^23: adding it rounds to an integer, and leaves that in the low bits
		magic = 12582912.0
	)
	n := float32(x*log2e) + magic
	r := x - float32((n-magic)*hi) - float32((n-magic)*lo)
	return math.Float32bits(n)<<23 + 127<<23, r
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

// within is below that lowers an exponent to 88, too.
func within(x float32) float32 {
	if x > 88 {
		return 88
	}
	return below(x)
}
