package ref

import "encoding/binary"

// levelsIQ4 is the non-uniform 4-bit codebook that iq4_nl and iq4_xs share.
var levelsIQ4 = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// iq4_nl: 32 values in 18 bytes, nibbles as in q4_0.
//
//	0      2                    18
//	| d:f16 | qs: nibbles[32]     |   x = d * levels[q]

// encodeIQ4NL picks codes with the scale that maps the extremum to -127, then fits the stored scale
// to those codes by least squares weighted with x*x. The codes are not picked again for the fitted
// scale.
func encodeIQ4NL(b []byte, x []float32) {
	most := extremum(x)
	// stays 0 in a zero block: every code is then that of the value 0, and the fit is empty
	var id float32
	if abs(most) >= 1e-15 {
		id = 1 / (most / levelsIQ4[0])
	}
	var num, den float32
	for j, v := range x {
		q := nearestIQ4(float32(v * id))
		setNibble(b[2:], j, q)
		w, level := float32(v*v), levelsIQ4[q]
		wl := float32(w * level)
		num += float32(wl * v)
		den += float32(wl * level)
	}
	var d float32
	if id != 0 && den > 0 {
		d = num / den
	}
	putF16(b, d)
}

func decodeIQ4NL(y []float32, b []byte) {
	d := getF16(b)
	for j := range y {
		y[j] = d * levelsIQ4[nibble(b[2:], j)]
	}
}

// nearestIQ4 returns the code of the level nearest to v. A tie goes up and a NaN to the last code.
func nearestIQ4(v float32) int {
	last := len(levelsIQ4) - 1
	if v <= levelsIQ4[0] {
		return 0
	}
	for up := 1; up < last; up++ {
		if v < levelsIQ4[up] {
			return closer(v, up)
		}
	}
	if v >= levelsIQ4[last] {
		return last
	}
	return closer(v, last)
}

// closer chooses between the codes up-1 and up, between whose levels v lies.
func closer(v float32, up int) int {
	if v-levelsIQ4[up-1] < levelsIQ4[up]-v {
		return up - 1
	}
	return up
}

// iq4_xs: 256 values in 136 bytes, sub-blocks of 32 with nibbles as in q4_0. A scale is its six
// bits less 32; the low four of scale j are nibble j of scales_l, the upper two bits 2j and 2j+1 of
// scales_h.
//
//	0      2             4             8                   136
//	| d:f16 | scales_h:u16 | scales_l[4] | qs: nibbles[8][32] |   x = d * scale * levels[q]

func decodeIQ4XS(y []float32, b []byte) {
	d, upper := getF16(b), binary.LittleEndian.Uint16(b[2:])
	for i := range y {
		j := i / 32
		low := int(b[4+j/2]>>(j%2*4)) & 15
		high := int(upper>>(2*j)) & 3
		scale := float32(d * float32(low|high<<4-32))
		y[i] = scale * levelsIQ4[nibble(b[8+16*j:], i%32)]
	}
}
