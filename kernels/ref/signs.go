package ref

import "math/bits"

// SignsPCG64 returns n signs, -1 or +1, from position offset of the stream that NumPy's
// default_rng(seed) gives for integers(0, 2): the top bit of each 32-bit output, the low half of
// every 64-bit output first; 0 is -1. The turbo types use seed 42, the first 128 signs on the left
// of H and the next 128 on the right.
func SignsPCG64(seed uint64, offset, n int) []float32 {
	g := newPCG64(seed)
	signs := make([]float32, 0, n)
	var word uint64
	for i := range offset + n {
		if i%2 == 0 {
			word = g.next()
		} else {
			word >>= 32
		}
		if i >= offset {
			signs = append(signs, float32(word>>31&1)*2-1)
		}
	}
	return signs
}

// SignsGolden returns n signs by multiplicative hashing: sign i is -1 if bit 31 of i * 0x9E3779B9
// is set. The tq weight types use n = 32.
func SignsGolden(n int) []float32 {
	signs := make([]float32, n)
	for i := range signs {
		signs[i] = 1 - 2*float32(uint32(i)*0x9E3779B9>>31)
	}
	return signs
}

// pcg64 is the generator PCG XSL-RR 128/64 (O'Neill, "PCG: A Family of Simple Fast Space-Efficient
// Statistically Good Algorithms for Random Number Generation", 2014): a 128-bit linear congruential
// state, two words each.
type pcg64 struct{ hi, lo, incHi, incLo uint64 }

// newPCG64 seeds the generator as NumPy does: a SeedSequence gives the start and the stream.
func newPCG64(seed uint64) *pcg64 {
	s := seedSequence(seed)
	g := &pcg64{incHi: s[2]<<1 | s[3]>>63, incLo: s[3]<<1 | 1}
	g.step()
	var carry uint64
	g.lo, carry = bits.Add64(g.lo, s[1], 0)
	g.hi, _ = bits.Add64(g.hi, s[0], carry)
	g.step()
	return g
}

func (g *pcg64) step() {
	const mulHi, mulLo = 0x2360ED051FC65DA4, 0x4385DF649FCCF645
	hi, lo := bits.Mul64(g.lo, mulLo)
	hi += g.hi*mulLo + g.lo*mulHi
	var carry uint64
	g.lo, carry = bits.Add64(lo, g.incLo, 0)
	g.hi, _ = bits.Add64(hi, g.incHi, carry)
}

func (g *pcg64) next() uint64 {
	g.step()
	return bits.RotateLeft64(g.hi^g.lo, -int(g.hi>>58))
}

// seedSequence spreads a seed over 256 bits as numpy.random.SeedSequence does (after O'Neill's
// randutils::seed_seq_fe): a pool of four hashed words, each mixed into every other one, then
// hashed out again.
func seedSequence(seed uint64) (state [4]uint64) {
	absorb := hasher{0x43B0D7E5, 0x931E8875}
	pool := [4]uint32{uint32(seed), uint32(seed >> 32)}
	for i := range pool {
		pool[i] = absorb.hash(pool[i])
	}
	for from := range pool {
		for to := range pool {
			if from != to {
				r := 0xCA01F9DD*pool[to] - 0x4973F715*absorb.hash(pool[from])
				pool[to] = r ^ r>>16
			}
		}
	}
	emit := hasher{0x8B51F9DD, 0x58F38DED}
	for i := range 2 * len(state) {
		state[i/2] |= uint64(emit.hash(pool[i%len(pool)])) << (32 * (i % 2))
	}
	return state
}

// hasher is a multiplicative hash whose constant changes with every use.
type hasher struct{ c, mul uint32 }

func (h *hasher) hash(x uint32) uint32 {
	x ^= h.c
	h.c *= h.mul
	x *= h.c
	return x ^ x>>16
}
