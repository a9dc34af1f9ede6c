package ref

// Both types keep element j in the low nibble of byte j and element j+16 in its high nibble, j =
// 0..15.
//
// q4_0: 32 values in 18 bytes.
//
//	0      2                    18
//	| d:f16 | qs: nibbles[32]     |   x = d * (q - 8)
//
// q4_1: 32 values in 20 bytes.
//
//	0      2      4             20
//	| d:f16 | m:f16 | qs          |   x = d * q + m

func encodeQ40(b []byte, x []float32) {
	d := extremum(x) / -8
	id := inverse(d)
	putF16(b, d)
	for j, v := range x {
		setNibble(b[2:], j, min(15, trunc(float32(v*id)+8.5)))
	}
}

func decodeQ40(y []float32, b []byte) {
	d := getF16(b)
	for j := range y {
		y[j] = float32(nibble(b[2:], j)-8) * d
	}
}

func encodeQ41(b []byte, x []float32) {
	lo, hi := bounds(x)
	d := (hi - lo) / 15
	id := inverse(d)
	putF16(b, d)
	putF16(b[2:], lo)
	for j, v := range x {
		setNibble(b[4:], j, min(15, trunc(float32((v-lo)*id)+0.5)))
	}
}

func decodeQ41(y []float32, b []byte) {
	d, m := getF16(b), getF16(b[2:])
	for j := range y {
		y[j] = float32(float32(nibble(b[4:], j))*d) + m
	}
}

// nibble returns code j of 32 codes laid out as above.
func nibble(qs []byte, j int) int { return int(qs[j%16]>>(4*(j/16))) & 15 }

// setNibble ors the low four bits of q into the place of code j.
func setNibble(qs []byte, j, q int) { qs[j%16] |= byte(q&15) << (4 * (j / 16)) }
