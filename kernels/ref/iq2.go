package ref

import (
	"encoding/binary"
	"math/bits"
)

// iq2_xxs: 256 values in 66 bytes, groups of 32. A byte of a group selects one of 256 points of
// 8 magnitudes; 7 bits of its word are the signs of 8 values, and the upper 4 bits the scale.
//
//	0      2                         66
//	| d:f16 | [8]{ point[4], word:u32 } |   x = d * (scale + 1/2) / 4 * ±point

func decodeIQ2XXS(y []float32, b []byte) {
	d, points := getF16(b), grids()["iq2_xxs"]
	for i := range y {
		group := b[2+8*(i/32):]
		word := binary.LittleEndian.Uint32(group[4:])
		scale := float32(float32(d*(0.5+float32(word>>28))) * 0.25)
		y[i] = float32(scale * points[8*int(group[i%32/8])+i%8])
		if negative(word>>(7*(i%32/8))&127, i%8) {
			y[i] = -y[i]
		}
	}
}

// iq2_xs: 256 values in 74 bytes. A word of 8 values has the number of one of 512 points in its
// lower 9 bits and 7 bits of signs above; a nibble is the scale of 16 values.
//
//	0      2           66           74
//	| d:f16 | u16[32]   | scales[8]   |   x = d * (scale + 1/2) / 4 * ±point

func decodeIQ2XS(y []float32, b []byte) {
	d, points := getF16(b), grids()["iq2_xs"]
	for i := range y {
		word := binary.LittleEndian.Uint16(b[2+2*(i/8):])
		y[i] = float32(quarter(d, b[66:], i) * points[8*int(word&511)+i%8])
		if negative(uint32(word>>9), i%8) {
			y[i] = -y[i]
		}
	}
}

// quarter is the scale of value i of the types with a nibble for each 16.
func quarter(d float32, scales []byte, i int) float32 {
	return float32(float32(d*(0.5+float32(scales[i/32]>>(i%32/16*4)&15))) * 0.25)
}

// iq2_s: 256 values in 82 bytes: the lower 8 bits of the numbers of 1024 points, a sign for each
// value, the upper 2 bits of the numbers, scales as in iq2_xs.
//
//	0      2        34          66      74          82
//	| d:f16 | qs[32] | signs[32] | qh[8] | scales[8] |   x = d * (scale + 1/2) / 4 * ±point

func decodeIQ2S(y []float32, b []byte) {
	d, points := getF16(b), grids()["iq2_s"]
	for i := range y {
		group := i / 8
		number := int(b[2+group]) | int(b[66+group/4]>>(group%4*2)&3)<<8
		y[i] = float32(quarter(d, b[74:], i) * points[8*number+i%8])
		if b[34+group]>>(i%8)&1 == 1 {
			y[i] = -y[i]
		}
	}
}

// negative is the sign of value j of 8 by the 7 bits that are stored of them: the eighth makes
// the number of negative values even.
func negative(signs uint32, j int) bool {
	if j == 7 {
		return bits.OnesCount32(signs)%2 == 1
	}
	return signs>>j&1 == 1
}
