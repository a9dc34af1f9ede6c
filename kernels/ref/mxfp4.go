package ref

import "math"

// mxfp4: 32 values in 17 bytes, nibbles as in q4_0 (OCP Microscaling Formats v1.0: E2M1 elements,
// one E8M0 scale).
//
//	0    1                      17
//	| e:u8 | qs: nibbles[32]      |   x = 2^(e-127) * E2M1(q)

// levelsMX holds twice the value of each E2M1 code, so that the levels are whole.
var levelsMX = [16]float32{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}

// decodeMXFP4 takes e = 255 as the exponent 128, as ggml does; the OCP format has NaN there. Code 8
// is +0.
func decodeMXFP4(y []float32, b []byte) {
	half := float32(math.Ldexp(1, int(b[0])-128))
	for j := range y {
		y[j] = levelsMX[nibble(b[1:], j)] * half
	}
}

// nvfp4: 64 values in 36 bytes: four scales of UE4M3, then 8 bytes for each 16 values, whose lower
// nibbles are the first 8 (NVIDIA's NVFP4 with E2M1 elements).
//
//	0           4        36
//	| scales[4] | qs[32] |   x = UE4M3(scale) * E2M1(q)

func decodeNVFP4(y []float32, b []byte) {
	for i := range y {
		q := b[4+8*(i/16)+i%8] >> (i % 16 / 8 * 4) & 15
		y[i] = float32(ue4m3(b[i/16]) * 0.5 * levelsMX[q])
	}
}

// ue4m3 ignores the sign's bit; the one NaN reads as 0, as ggml has it.
func ue4m3(x byte) float32 {
	exponent, fraction := int(x>>3&15), float64(x&7)
	switch {
	case x&127 == 127:
		return 0
	case exponent == 0:
		return float32(math.Ldexp(fraction, -9))
	}
	return float32(math.Ldexp(8+fraction, exponent-10))
}
