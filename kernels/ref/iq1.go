package ref

import "encoding/binary"

// iq1_s: 256 values in 50 bytes: the lower 8 bits of the numbers of 2048 points of 8 values,
// then a word for each 32 values: four times the upper 3 bits, a scale of 3 bits, and in bit 15
// whether the values are moved down, not up, by an eighth.
//
//	0      2        34           50
//	| d:f16 | qs[32] | word:u16[8] |   x = d * (2*scale + 1) * (point ± 1/8)

func decodeIQ1S(y []float32, b []byte) {
	d, points := getF16(b), grids()["iq1"]
	for i := range y {
		word := int(binary.LittleEndian.Uint16(b[34+2*(i/32):]))
		number := int(b[2+i/8]) | word>>(3*(i%32/8))&7<<8
		scale := float32(d * float32(2*(word>>12&7)+1))
		y[i] = float32(scale * (points[8*number+i%8] + eighth(word>>15)))
	}
}

func eighth(down int) float32 { return 0.125 - 0.25*float32(down&1) }

// iq1_m: 256 values in 56 bytes: the numbers' lower 8 bits; a nibble for each 8 values, the
// upper 3 bits and the direction of the shift; four words, each with four scales of 3 bits for
// 16 values, whose upper nibbles together are the bits of d.
//
//	0        32       48              56
//	| qs[32] | qh[16] | word:u16[4]   |   x = d * (2*scale + 1) * (point ± 1/8)

func decodeIQ1M(y []float32, b []byte) {
	points := grids()["iq1"]
	word := func(k int) int { return int(binary.LittleEndian.Uint16(b[48+2*k:])) }
	var bits int
	for k := range 4 {
		bits |= word(k) >> 12 << (4 * k)
	}
	d := FromF16(uint16(bits))
	for i := range y {
		upper := int(b[32+i/16] >> (i % 16 / 8 * 4))
		number := int(b[i/8]) | upper&7<<8
		scale := float32(d * float32(2*(word(i/64)>>(3*(i%64/16))&7)+1))
		y[i] = float32(scale * (points[8*number+i%8] + eighth(upper>>3)))
	}
}
