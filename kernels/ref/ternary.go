package ref

// tq1_0: 256 values in 54 bytes. A byte holds digits of base 3, the most significant first, as a
// fraction of 256: digit n is the whole part of three times what b*3^n leaves of 256. Values 0
// to 159 are digits 0 of 32 bytes, then digits 1, and so on; the next 80 likewise of 16 bytes,
// the last 16 of 4 bytes, which hold 4 digits each.
//
//	0        48      52       54
//	| qs[48] | qh[4] | d:f16   |   x = d * (digit - 1)

func decodeTQ10(y []float32, b []byte) {
	d := getF16(b[52:])
	at := 0
	for _, part := range []struct{ first, bytes, digits int }{{0, 32, 5}, {32, 16, 5}, {48, 4, 4}} {
		for n := range part.digits {
			for k := range part.bytes {
				left := b[part.first+k]
				for range n {
					left *= 3
				}
				y[at] = float32(int(left)*3>>8-1) * d
				at++
			}
		}
	}
}

// tq2_0: 256 values in 66 bytes, two halves of 32 bytes; bits 0 and 1 of these are the first 32
// values of a half, bits 2 and 3 the next, and so on.
//
//	0        64       66
//	| qs[64] | d:f16   |   x = d * (q - 1)

func decodeTQ20(y []float32, b []byte) {
	d := getF16(b[64:])
	for i := range y {
		y[i] = float32(int(b[i/128*32+i%32]>>(i%128/32*2)&3)-1) * d
	}
}

// q1_0: 128 values in 18 bytes, a bit each.
//
//	0       2        18
//	| d:f16 | qs[16] |   x = ±d

func decodeQ10(y []float32, b []byte) {
	d := getF16(b)
	for i := range y {
		y[i] = -d
		if b[2+i/8]>>(i%8)&1 == 1 {
			y[i] = d
		}
	}
}

// q2_0: 64 values in 18 bytes, two bits each.
//
//	0       2        18
//	| d:f16 | qs[16] |   x = d * (q - 1)

func decodeQ20(y []float32, b []byte) {
	d := getF16(b)
	for i := range y {
		y[i] = float32(int(b[2+i/4]>>(i%4*2)&3)-1) * d
	}
}
