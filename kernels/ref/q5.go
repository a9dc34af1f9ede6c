package ref

import "encoding/binary"

// The low four bits of a code lie as in q4_0; bit j of the 32-bit word qh is the fifth bit of
// element j.
//
// q5_0: 32 values in 22 bytes.
//
//	0      2        6           22
//	| d:f16 | qh:u32 | qs         |   x = d * (q - 16)
//
// q5_1: 32 values in 24 bytes.
//
//	0      2      4        8    24
//	| d:f16 | m:f16 | qh:u32 | qs |   x = d * q + m

func encodeQ50(b []byte, x []float32) {
	d := extremum(x) / -16
	id := inverse(d)
	putF16(b, d)
	for j, v := range x {
		setFive(b[2:], j, min(31, trunc(float32(v*id)+16.5)))
	}
}

func decodeQ50(y []float32, b []byte) {
	d := getF16(b)
	for j := range y {
		y[j] = float32(five(b[2:], j)-16) * d
	}
}

func encodeQ51(b []byte, x []float32) {
	lo, hi := bounds(x)
	d := (hi - lo) / 31
	id := inverse(d)
	putF16(b, d)
	putF16(b[2:], lo)
	for j, v := range x {
		setFive(b[4:], j, trunc(float32((v-lo)*id)+0.5)) // unclamped, as published
	}
}

func decodeQ51(y []float32, b []byte) {
	d, m := getF16(b), getF16(b[2:])
	for j := range y {
		y[j] = float32(float32(five(b[4:], j))*d) + m
	}
}

// five returns code j of the 20 bytes qh, qs.
func five(b []byte, j int) int {
	high := int(binary.LittleEndian.Uint32(b)>>j) & 1
	return nibble(b[4:], j) | high<<4
}

// setFive ors the five bits of q into the places of code j.
func setFive(b []byte, j, q int) {
	setNibble(b[4:], j, q)
	b[j/8] |= byte(q>>4&1) << (j % 8)
}
