package cpu

import "math"

// Exp is e to the x, within 2 ulp for results that are normal numbers. Below -87.3 it is 0, above 88.7 +Inf.
//
// x = n ln2 + r with |r| <= ln2/2, and e^r is a polynomial: no table and no branch that a vector form would not have.
// The polynomial is the one of the Cephes library's expf.
func Exp(x float32) float32 {
	const (
		log2e = 1.44269504088896341
		hi    = 0.693359375      // ln2 in two parts, the first with few bits so that n*hi is exact
		lo    = -2.12194440e-4   //
		magic = 12582912.0       // 1.5 * 2^23: adding it rounds to an integer
		least = -87.33654475     // ln of the smallest normal number
		most  = 88.7228390520684 // ln of the largest number
	)
	if !(x >= least) {
		if x != x {
			return x
		}
		return 0
	}
	if x > most {
		return float32(math.Inf(1))
	}
	n := float32(x*log2e) + magic
	n -= magic
	r := x - float32(n*hi)
	r -= float32(n * lo)
	p := float32(1.9875691500e-4)
	p = float32(p*r) + 1.3981999507e-3
	p = float32(p*r) + 8.3334519073e-3
	p = float32(p*r) + 4.1665795894e-2
	p = float32(p*r) + 1.6666665459e-1
	p = float32(p*r) + 5.0000001201e-1
	p = float32(float32(p*r)*r) + r + 1
	// 2^n in two factors, for n = 128 is no exponent of a float32.
	k := int32(n)
	half := k / 2
	return p * pow2(half) * pow2(k-half)
}

func pow2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// ExpSum replaces each x by Exp(x - shift) and returns the sum of the results.
func ExpSum(x []float32, shift float32) float32 {
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(x); i += 4 {
		e0, e1, e2, e3 := Exp(x[i]-shift), Exp(x[i+1]-shift), Exp(x[i+2]-shift), Exp(x[i+3]-shift)
		x[i], x[i+1], x[i+2], x[i+3] = e0, e1, e2, e3
		s0, s1, s2, s3 = s0+e0, s1+e1, s2+e2, s3+e3
	}
	for ; i < len(x); i++ {
		x[i] = Exp(x[i] - shift)
		s0 += x[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// Max is the largest of x, -Inf for none.
func Max(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	return m
}
