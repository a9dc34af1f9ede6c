package ref

import "encoding/binary"

// iq3_xxs: 256 values in 98 bytes: a byte for each 4 values, the number of one of 256 points,
// then a word for each 32 values with signs and a scale as in iq2_xxs.
//
//	0      2        66           98
//	| d:f16 | qs[64] | word:u32[8] |   x = d * (scale + 1/2) / 2 * ±point

func decodeIQ3XXS(y []float32, b []byte) {
	d, points := getF16(b), grids()["iq3_xxs"]
	for i := range y {
		word := binary.LittleEndian.Uint32(b[66+4*(i/32):])
		scale := float32(float32(d*(0.5+float32(word>>28))) * 0.5)
		y[i] = float32(scale * points[4*int(b[2+i/4])+i%4])
		if negative(word>>(7*(i%32/8))&127, i%8) {
			y[i] = -y[i]
		}
	}
}

// iq3_s: 256 values in 110 bytes: the lower 8 bits of the numbers of 512 points, their upper
// bits, a sign for each value, a nibble for the scale of 32 values.
//
//	0      2        66      74          106         110
//	| d:f16 | qs[64] | qh[8] | signs[32] | scales[4] |   x = d * (2*scale + 1) * ±point

func decodeIQ3S(y []float32, b []byte) {
	d, points := getF16(b), grids()["iq3_s"]
	for i := range y {
		group := i / 4
		number := int(b[2+group]) | int(b[66+group/8]>>(group%8)&1)<<8
		scale := float32(d * float32(1+2*int(b[106+i/64]>>(i%64/32*4)&15)))
		y[i] = float32(scale * points[4*number+i%4])
		if b[74+i/8]>>(i%8)&1 == 1 {
			y[i] = -y[i]
		}
	}
}
