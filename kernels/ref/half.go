package ref

import (
	"encoding/binary"
	"math"
)

// F16 rounds x to the nearest IEEE binary16, ties to even, and returns its bits. Subnormal halves
// are kept, an overflow is an infinity and every NaN is sign|0x7E00.
func F16(x float32) uint16 {
	bits := math.Float32bits(x)
	sign := uint16(bits>>16) & 0x8000
	mag := bits & 0x7FFFFFFF
	switch {
	case mag > 0x7F800000:
		return sign | 0x7E00
	case mag >= 0x477FF000: // 65520 is half-way between the largest half and the next power of two
		return sign | 0x7C00
	case mag >= 0x38800000: // normal: the exponent bias falls from 127 to 15
		return sign | uint16(shiftEven(mag-(112<<23), 13))
	case mag < 0x33000000: // below half of the smallest subnormal
		return sign
	}
	// Subnormal: the significand in units of 2^-24.
	return sign | uint16(shiftEven(mag&0x7FFFFF|0x800000, 126-mag>>23))
}

// shiftEven returns x >> n, rounded to nearest with ties to even.
func shiftEven(x, n uint32) uint32 {
	half := uint32(1) << (n - 1)
	return (x + half - 1 + x>>n&1) >> n
}

// FromF16 returns the value of a binary16. A signalling NaN becomes a quiet one with the same
// payload.
func FromF16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10&31), uint32(h&0x3FF)
	switch {
	case exp == 31 && frac != 0:
		return math.Float32frombits(sign | 0x7FC00000 | frac<<13)
	case exp == 31:
		return math.Float32frombits(sign | 0x7F800000)
	case exp == 0: // frac * 2^-24 is exact
		y := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(sign | math.Float32bits(y))
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// BF16 rounds x to the nearest bfloat16, ties to even, and returns its bits. A NaN keeps its upper
// bits and is made quiet.
func BF16(x float32) uint16 {
	bits := math.Float32bits(x)
	if bits&0x7FFFFFFF > 0x7F800000 {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7FFF + bits>>16&1) >> 16)
}

// FromBF16 returns the value of a bfloat16.
func FromBF16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

func putF32(b []byte, x float32) { binary.LittleEndian.PutUint32(b, math.Float32bits(x)) }
func getF32(b []byte) float32    { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

func putF16(b []byte, x float32) { binary.LittleEndian.PutUint16(b, F16(x)) }
func getF16(b []byte) float32    { return FromF16(binary.LittleEndian.Uint16(b)) }

func putBF16(b []byte, x float32) { binary.LittleEndian.PutUint16(b, BF16(x)) }
func getBF16(b []byte) float32    { return FromBF16(binary.LittleEndian.Uint16(b)) }
