package ref

import "math"

// q8_0: 32 values in 34 bytes.
//
//	0      2                    34
//	| d:f16 | qs: int8[32]        |   x[j] = d * qs[j]

// encodeQ8 rounds x * (1/d) half away from zero, the rule of ggml's reference quantiser.
func encodeQ8(b []byte, x []float32) {
	d := abs(extremum(x)) / 127
	encodeQ8By(b, x, d, inverse(d), math.Round)
}

// EncodeQ8Even is q8_0 by the rule of ggml's x86 kernels, which fill the cache there: 127/amax in
// place of 1/d, and half to even in place of half away from zero. The two differ in bytes only at
// ties. Shapes are those of Format.Encode.
func EncodeQ8Even(dst []byte, src []float32) {
	blocks("", 0, 32, 34, encodeQ8Even, decodeQ8).Encode(dst, src)
}

func encodeQ8Even(b []byte, x []float32) {
	var id float32
	amax := abs(extremum(x))
	if amax != 0 {
		id = 127 / amax
	}
	encodeQ8By(b, x, amax/127, id, math.RoundToEven)
}

func encodeQ8By(b []byte, x []float32, d, id float32, round func(float64) float64) {
	putF16(b, d)
	for j, v := range x {
		b[2+j] = byte(trunc(float32(round(float64(float32(v * id))))))
	}
}

func decodeQ8(y []float32, b []byte) {
	d := getF16(b)
	for j := range y {
		y[j] = float32(int8(b[2+j])) * d
	}
}
