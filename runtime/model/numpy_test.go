package model

import (
	"math"
	"math/bits"
)

// numpyRandom draws what numpy.random.default_rng(seed) draws: numbers of PCG64 (XSL RR, O'Neill,
// 2014), normal ones by the ziggurat of Marsaglia and Tsang (2000) with 256 layers.
type numpyRandom struct {
	hi, lo       uint64 // state
	incHi, incLo uint64
}

func newNumpyRandom(seed uint32) *numpyRandom {
	w := seedWords(seed)
	r := &numpyRandom{incHi: w[2]<<1 | w[3]>>63, incLo: w[3]<<1 | 1}
	r.step()
	var carry uint64
	r.lo, carry = bits.Add64(r.lo, w[1], 0)
	r.hi, _ = bits.Add64(r.hi, w[0], carry)
	r.step()
	return r
}

// seedWords is what NumPy's SeedSequence makes of a seed: it is mixed into a pool of four words, of
// which as many words follow as are wanted.
func seedWords(seed uint32) (words [4]uint64) {
	hash := uint32(0x43b0d7e5)
	hashed := func(v uint32) uint32 {
		v ^= hash
		hash *= 0x931e8875
		v *= hash
		return v ^ v>>16
	}
	var pool [4]uint32
	for i, v := range [4]uint32{seed} {
		pool[i] = hashed(v)
	}
	for from := range pool {
		for to := range pool {
			if to != from {
				v := 0xca01f9dd*pool[to] - 0x4973f715*hashed(pool[from])
				pool[to] = v ^ v>>16
			}
		}
	}
	hash = 0x8b51f9dd
	for i := range 8 {
		v := pool[i%4] ^ hash
		hash *= 0x58f38ded
		v *= hash
		words[i/2] |= uint64(v^v>>16) << (32 * (i % 2))
	}
	return words
}

func (r *numpyRandom) step() {
	const mulHi, mulLo = 2549297995355413924, 4865540595714422341
	hi, lo := bits.Mul64(r.lo, mulLo)
	hi += r.hi*mulLo + r.lo*mulHi
	var carry uint64
	r.lo, carry = bits.Add64(lo, r.incLo, 0)
	r.hi, _ = bits.Add64(hi, r.incHi, carry)
}

func (r *numpyRandom) word() uint64 {
	r.step()
	return bits.RotateLeft64(r.hi^r.lo, -int(r.hi>>58))
}

// uniform is a number from 0 to below 1.
func (r *numpyRandom) uniform() float64 { return float64(r.word()>>11) / (1 << 53) }

// ziggurat is the layers under exp(-x*x/2), of equal area: where each ends, and the function there.
// Layer 0 has the tail, beyond zigguratEnd.
var ziggurat = func() (z struct{ x, f [257]float64 }) {
	density := func(x float64) float64 { return math.Exp(-0.5 * x * x) }
	area := zigguratEnd*density(zigguratEnd) + math.Sqrt(math.Pi/2)*math.Erfc(zigguratEnd/math.Sqrt2)
	z.x[0], z.x[255] = area/density(zigguratEnd), zigguratEnd
	for i := 254; i > 0; i-- {
		z.x[i] = math.Sqrt(-2 * math.Log(area/z.x[i+1]+density(z.x[i+1])))
	}
	for i := range z.f {
		z.f[i] = density(z.x[i])
	}
	z.f[0] = 1
	return z
}()

const zigguratEnd = 3.6541528853610088

// normal is a number of mean 0 and variance 1.
func (r *numpyRandom) normal() float64 {
	const mantissa = 1 << 52
	for {
		w := r.word()
		layer, sign, m := int(w&0xff), 1-2*float64(w>>8&1), w>>9&(mantissa-1)
		end, inside := ziggurat.x[layer], 0.0
		switch layer {
		case 0:
			inside = zigguratEnd
		case 1: // the top one, all of which is under the curve in part
		default:
			inside = ziggurat.x[layer-1]
		}
		x := float64(m) * (end / mantissa)
		if float64(m) < math.Floor(inside/end*mantissa) {
			return sign * x
		}
		if layer == 0 {
			for {
				a, b := -math.Log1p(-r.uniform())/zigguratEnd, -math.Log1p(-r.uniform())
				if b+b > a*a {
					return (1 - 2*float64(m>>8&1)) * (zigguratEnd + a)
				}
			}
		}
		above, below := ziggurat.f[layer-1], ziggurat.f[layer]
		if float64((above-below)*r.uniform())+below < math.Exp(-0.5*x*x) {
			return sign * x
		}
	}
}
