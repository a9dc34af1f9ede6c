package ref

import (
	"encoding/binary"
	"math/bits"
)

// iq2_xxs: 256 values in 66 bytes, groups of 32. A byte of a group selects one of 256 points of 8
// magnitudes; 7 bits of its word are the signs of 8 values, and the upper 4 bits the scale.
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

// negative is the sign of value j of 8 by the 7 bits that are stored of them: the eighth makes the
// number of negative values even.
func negative(signs uint32, j int) bool {
	if j == 7 {
		return bits.OnesCount32(signs)%2 == 1
	}
	return signs>>j&1 == 1
}
