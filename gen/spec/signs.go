package spec

import "math/bits"

// maxSkip bounds the numbers that signs() may pass over.
const maxSkip = 1 << 16

// goldenSigns returns n signs by multiplicative hashing (Knuth, TAOCP 3, 6.4): sign i is -1 if bit
// 31 of i * 0x9E3779B9 modulo 2^32 is set.
func goldenSigns(n int) []float32 {
	signs := make([]float32, n)
	for i := range signs {
		signs[i] = 1 - 2*float32(uint32(i)*0x9E3779B9>>31)
	}
	return signs
}

// pcg64Signs returns n signs after skip others from the generator that NumPy's default_rng(seed)
// is. These are 64-bit outputs of PCG XSL-RR 128/64, low half first, the top bit of each half as
// integers(0, 2) gives it. 0 is -1 and 1 is +1.
func pcg64Signs(seed uint64, skip, n int) []float32 {
	g := newPCG(seed)
	signs := make([]float32, 0, n)
	for half := 0; len(signs) < n; half += 2 {
		word := g.next()
		for k, top := range [2]uint64{word >> 31 & 1, word >> 63} {
			if half+k >= skip && len(signs) < n {
				signs = append(signs, 2*float32(top)-1)
			}
		}
	}
	return signs
}

// u128 is an unsigned 128-bit integer.
type u128 struct{ hi, lo uint64 }

func (a u128) add(b u128) u128 {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return u128{hi, lo}
}

func (a u128) mul(b u128) u128 {
	hi, lo := bits.Mul64(a.lo, b.lo)
	return u128{hi + a.hi*b.lo + a.lo*b.hi, lo}
}

// pcg is PCG XSL-RR 128/64 (O'Neill 2014): a linear congruential state and an output permutation.
type pcg struct{ state, inc u128 }

// newPCG seeds as numpy.random.PCG64(SeedSequence(seed)) does: the sequence's first 128 bits are
// the start, the next 128 pick the stream.
func newPCG(seed uint64) *pcg {
	w := seedWords(seed)
	start, stream := u128{w[0], w[1]}, u128{w[2], w[3]}
	g := &pcg{inc: u128{stream.hi<<1 | stream.lo>>63, stream.lo<<1 | 1}}
	g.step()
	g.state = g.state.add(start)
	g.step()
	return g
}

func (g *pcg) step() {
	g.state = g.state.mul(u128{0x2360ED051FC65DA4, 0x4385DF649FCCF645}).add(g.inc)
}

func (g *pcg) next() uint64 {
	g.step()
	return bits.RotateLeft64(g.state.hi^g.state.lo, -int(g.state.hi>>58))
}

// seedWords is numpy.random.SeedSequence(seed).generate_state(4, uint64): a pool of four 32-bit
// words is filled with hashes of the seed, every word is stirred into every other, and the pool is
// hashed out in turn.
func seedWords(seed uint64) (out [4]uint64) {
	hash := func(constant *uint32, multiplier, x uint32) uint32 {
		x ^= *constant
		*constant *= multiplier
		x *= *constant
		return x ^ x>>16
	}
	in := uint32(0x43B0D7E5)
	var pool [4]uint32
	for i, w := range [4]uint32{uint32(seed), uint32(seed >> 32)} {
		pool[i] = hash(&in, 0x931E8875, w)
	}
	for from := range pool {
		for to := range pool {
			if from != to {
				mixed := 0xCA01F9DD*pool[to] - 0x4973F715*hash(&in, 0x931E8875, pool[from])
				pool[to] = mixed ^ mixed>>16
			}
		}
	}
	outward := uint32(0x8B51F9DD)
	for i := range 8 {
		out[i/2] |= uint64(hash(&outward, 0x58F38DED, pool[i%4])) << (32 * (i % 2))
	}
	return out
}
