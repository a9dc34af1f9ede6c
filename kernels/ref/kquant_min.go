package ref

// The k-quants with a minimum: 256 values in sub-blocks, each with a scale and a minimum, x =
// d*scale*q - dmin*min. A sub-block is 16 values in q2_K and 32 in the others.
//
// q2_K: 84 bytes. Bits 0-3 of scales[i/16] are the scale, bits 4-7 the minimum.
//
//	0              16             80     82        84
//	| scales: 4+4 bits x 16 | qs: 2 bits x 256 | d:f16 | dmin:f16 |
//
// q4_K: 144 bytes.
//
//	0      2         4                16             144
//	| d:f16 | dmin:f16 | scales: 6+6 bits x 8 | qs: 4 bits x 256 |
//
// q5_K: 176 bytes. Bit i/32 of qh[i%32] is the fifth bit of element i.
//
//	0      2         4                16            48           176
//	| d:f16 | dmin:f16 | scales: 6+6 bits x 8 | qh: 1 bit x 256 | qs: 4 bits x 256 |

func decodeQ2K(y []float32, b []byte) {
	d, dmin := getF16(b[80:]), getF16(b[82:])
	for i := range y {
		s := b[i/16]
		y[i] = float32(float32(d*float32(s&15))*float32(twoBits(b[16:], i))) - float32(dmin*float32(s>>4))
	}
}

func decodeQ4K(y []float32, b []byte) {
	for i := range y {
		y[i] = scaleMin(b, i, fourBits(b[16:], i))
	}
}

func decodeQ5K(y []float32, b []byte) {
	for i := range y {
		high := int(b[16+i%32]>>(i/32)) & 1
		y[i] = scaleMin(b, i, fourBits(b[48:], i)|high<<4)
	}
}

// twoBits returns 2-bit code i of 256: each run of 128 lies in 32 bytes, its four rows of 32 in
// ascending bit pairs.
func twoBits(qs []byte, i int) int { return int(qs[i/128*32+i%32]>>(i/32%4*2)) & 3 }

// fourBits returns 4-bit code i of 256: each run of 64 lies in 32 bytes, its first 32 in the low
// nibbles.
func fourBits(qs []byte, i int) int { return int(qs[i/64*32+i%32]>>(i/32%2*4)) & 15 }

// scaleMin applies the scale and minimum of element i of a q4_K or q5_K block to its code.
//
// The 12 bytes hold eight 6-bit scales and eight 6-bit minima. Those of sub-blocks 0-3 are the low
// six bits of bytes 0-3 and 4-7. Those of sub-blocks 4-7 have their low four bits in the halves of
// bytes 8-11 and their upper two in the tops of bytes 0-3 and 4-7.
func scaleMin(b []byte, i, code int) float32 {
	d, dmin := getF16(b), getF16(b[2:])
	packed, j := b[4:16], i/32
	scale, least := packed[j%4]&63, packed[4+j%4]&63
	if j >= 4 {
		low := packed[4+j]
		scale = low&15 | packed[j%4]>>6<<4
		least = low>>4 | packed[4+j%4]>>6<<4
	}
	return float32(float32(d*float32(scale))*float32(code)) - float32(dmin*float32(least))
}
