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
