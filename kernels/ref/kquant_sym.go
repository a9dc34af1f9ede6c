package ref

// The k-quants without a minimum: 256 values in sub-blocks of 16, each with a scale, x = d*scale*q.
//
// q3_K: 110 bytes. Bit i/32 of hmask[i%32] is the third bit of element i; q is the code less 4, a
// scale its 6 bits less 32.
//
//	0                  32               96                  108   110
//	| hmask: 1 bit x 256 | qs: 2 bits x 256 | scales: 6 bits x 16 | d:f16 |
//
// q6_K: 210 bytes. q is the code less 32.
//
//	0                128              192           208   210
//	| ql: 4 bits x 256 | qh: 2 bits x 256 | scales: int8[16] | d:f16 |

func decodeQ3K(y []float32, b []byte) {
	d := getF16(b[108:])
	for i := range y {
		high := int(b[i%32]>>(i/32)) & 1
		q := twoBits(b[32:], i) | high<<2
		y[i] = float32(d*float32(scaleQ3K(b[96:108], i/16))) * float32(q-4)
	}
}

// scaleQ3K returns scale j of 16, -32..31: the low four bits of scales 0-7 and 8-15 are the halves
// of bytes 0-7, and the upper two bits of scales j, j+4, j+8, j+12 lie in byte 8+j from its low
// bits up.
func scaleQ3K(packed []byte, j int) int {
	low := int(packed[j%8]>>(j/8*4)) & 15
	high := int(packed[8+j%4]>>(j/4*2)) & 3
	return low | high<<4 - 32
}

func decodeQ6K(y []float32, b []byte) {
	d := getF16(b[208:])
	for i := range y {
		// Each run of 128 has 64 bytes of ql: 64 low nibbles, then the 64 high ones.
		low := int(b[i/128*64+i%64]>>(i/64%2*4)) & 15
		high := twoBits(b[128:], i)
		y[i] = float32(d*float32(int8(b[192+i/16]))) * float32(low|high<<4-32)
	}
}
