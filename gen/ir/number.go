package ir

import (
	"encoding/binary"
	"math"
)

// Lanes as they lie in memory.

func word(x []byte, l int) uint32    { return binary.LittleEndian.Uint32(x[4*l:]) }
func half(x []byte, l int) uint16    { return binary.LittleEndian.Uint16(x[2*l:]) }
func number(x []byte, l int) float32 { return math.Float32frombits(word(x, l)) }

// repeat fills to with from, again and again.
func repeat(to, from []byte) {
	for len(to) > 0 {
		to = to[copy(to, from):]
	}
}

func halves(x []byte) (lo, hi []byte) { return x[:len(x)/2], x[len(x)/2:] }

// fma is x*y + z with one rounding. The product is exact in f64; the sum there is rounded to odd,
// so that rounding it again to f32 gives what one rounding would.
func fma(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	if math.IsNaN(s) || math.IsInf(s, 0) {
		return float32(s)
	}
	back := s - p
	rest := (p - (s - back)) + (c - back) // what the sum lost, exactly
	if bits := math.Float64bits(s); rest != 0 && bits&1 == 0 {
		if (rest > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}

// fromF16 is an f16 as f32; every number of the one is one of the other.
func fromF16(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exponent {
	case 0:
		v := float32(fraction) * 0x1p-24
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0xFF<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// toF16 rounds to nearest, ties to even.
func toF16(x float32) uint16 {
	bits := math.Float32bits(x)
	sign, size := uint16(bits>>16&0x8000), math.Abs(float64(x))
	switch {
	case x != x:
		return sign | 0x7E00
	case size >= 65520:
		return sign | 0x7C00
	case size < 0x1p-14: // steps of 2^-24
		return sign | uint16(math.RoundToEven(size*0x1p24))
	}
	_, e := math.Frexp(size) // size = f * 2^e, f from 1/2
	steps := uint16(math.RoundToEven(math.Ldexp(size, 11-e)))
	return sign | uint16(e+13)<<10 + steps // 1024 steps carry into the exponent
}
