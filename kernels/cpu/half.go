package cpu

import (
	"encoding/binary"
	"math"
)

// Storage formats of single numbers. All are little-endian.

// f16 rounds to the nearest IEEE binary16, ties to even. Subnormal halves are kept, overflow gives
// an infinity, and every NaN becomes sign|0x7E00.
func f16(x float32) uint16 {
	bits := math.Float32bits(x)
	sign, mag := uint16(bits>>16)&0x8000, bits&^(1<<31)
	switch {
	case mag > 0x7F800000:
		return sign | 0x7E00
	case mag >= 0x47800000: // 65536; what lies between the largest half and that rounds up below
		return sign | 0x7C00
	case mag < 0x38800000: // 2^-14, the smallest normal half
		// Adding 1/2 leaves units of 2^-24 in the low bits, rounded by the hardware.
		sum := math.Float32frombits(mag) + 0.5
		return sign | uint16(math.Float32bits(sum)-math.Float32bits(0.5))
	}
	// half to even; a carry moves to the next exponent, at last to infinity
	mag += 0xFFF + mag>>13&1
	return sign | uint16((mag-112<<23)>>13)
}

// fromF16 is the value of a binary16. A NaN keeps its payload and is made quiet.
func fromF16(h uint16) float32 {
	sign, mag := uint32(h&0x8000)<<16, uint32(h&0x7FFF)
	switch {
	case mag > 0x7C00:
		return math.Float32frombits(sign | 0x7FC00000 | mag<<13)
	case mag == 0x7C00:
		return math.Float32frombits(sign | 0x7F800000)
	case mag < 0x400: // a multiple of 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(mag)*0x1p-24))
	}
	return math.Float32frombits(sign | (mag<<13 + 112<<23))
}

// bf16 rounds to the nearest upper half of an f32, ties to even. A NaN keeps its upper bits and is
// made quiet.
func bf16(x float32) uint16 {
	bits := math.Float32bits(x)
	if bits&^(1<<31) > 0x7F800000 {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7FFF + bits>>16&1) >> 16)
}

func fromBF16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// e8m0 is the biased exponent of |x|: the largest power of two that is not above it, as OCP MX
// stores scales.
func e8m0(x float32) byte { return byte(math.Float32bits(x) >> 23) }

// fromE8M0 is 2^(e-127), and 2^-127 for e = 0; 255 gives an infinity.
func fromE8M0(e byte) float32 {
	if e == 0 {
		return 0x1p-127
	}
	return math.Float32frombits(uint32(e) << 23)
}

func loadF16(b []byte) float32  { return fromF16(binary.LittleEndian.Uint16(b)) }
func loadBF16(b []byte) float32 { return fromBF16(binary.LittleEndian.Uint16(b)) }
func loadF32(b []byte) float32  { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
func loadE8M0(b []byte) float32 { return fromE8M0(b[0]) }

func storeF16(b []byte, x float32)  { binary.LittleEndian.PutUint16(b, f16(x)) }
func storeBF16(b []byte, x float32) { binary.LittleEndian.PutUint16(b, bf16(x)) }
func storeF32(b []byte, x float32)  { binary.LittleEndian.PutUint32(b, math.Float32bits(x)) }
func storeE8M0(b []byte, x float32) { b[0] = e8m0(x) }
