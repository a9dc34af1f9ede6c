package ref

// turbo is a cache type of one 128-value block: a rotated unit vector as codebook indices, and one
// norm.
//
//	turbo2   0         2                   34
//	         | norm:f16 | qs: 2 bits x 128   |
//	turbo3   0         2                   34                   50
//	         | norm:f16 | qs: bits 0-1 x 128 | signs: bit 2 x 128 |
//	turbo4   0         2          4                           68
//	         | norm:f16 | rnorm = 0 | qs: 4 bits x 128          |
//
// Codes follow one another from the low bits of each byte up. A decoded value is norm *
// codebook[code], still rotated.
type turbo struct {
	bytes      int
	codebook   []float32
	thresholds []float32
	zero       bool // a vector without a usable norm is coded as zeros even where it holds NaN
	put        func(b []byte, j, code int)
	get        func(b []byte, j int) int
}

var turbo2 = turbo{
	bytes:      34,
	codebook:   []float32{-0.133462, -0.039994, 0.039994, 0.133462},
	thresholds: []float32{-0.086728, 0, 0.086728},
	put:        func(b []byte, j, code int) { b[2+j/4] |= byte(code << (j % 4 * 2)) },
	get:        func(b []byte, j int) int { return int(b[2+j/4]>>(j%4*2)) & 3 },
}

var turbo3 = turbo{
	bytes:      50,
	codebook:   []float32{-0.190685, -0.117832, -0.065717, -0.021460, 0.021460, 0.065717, 0.117832, 0.190685},
	thresholds: []float32{-0.154259, -0.091775, -0.043589, 0, 0.043589, 0.091775, 0.154259},
	put: func(b []byte, j, code int) {
		b[2+j/4] |= byte((code & 3) << (j % 4 * 2))
		b[34+j/8] |= byte(code >> 2 << (j % 8))
	},
	get: func(b []byte, j int) int {
		return int(b[2+j/4]>>(j%4*2))&3 | int(b[34+j/8]>>(j%8))&1<<2
	},
}

var turbo4 = turbo{
	bytes: 68,
	codebook: []float32{-0.173926, -0.117195, -0.089527, -0.068756, -0.051262, -0.035597, -0.020989, -0.006938,
		0.006938, 0.020989, 0.035597, 0.051262, 0.068756, 0.089527, 0.117195, 0.173926},
	thresholds: []float32{-0.145560, -0.103361, -0.079142, -0.060009, -0.043430, -0.028293, -0.013963, 0,
		0.013963, 0.028293, 0.043430, 0.060009, 0.079142, 0.103361, 0.145560},
	zero: true,
	put:  func(b []byte, j, code int) { b[4+j/2] |= byte(code << (j % 2 * 4)) },
	get:  func(b []byte, j int) int { return int(b[4+j/2]>>(j%2*4)) & 15 },
}

func (t turbo) format(name string, id int) Format {
	rotation := TransformTurbo()
	f := blocks(name, id, 128, t.bytes, func(b []byte, x []float32) { t.encode(rotation, b, x) }, t.decode)
	f.Rotation = rotation
	return f
}

// encode stores n/r rather than n, where r is the norm of the chosen levels, so that the decoded
// vector has the norm of x. A vector of norm 1e-10 or less is coded as zeros. One NaN or infinity
// spoils the norm, and with it the whole block.
func (t turbo) encode(rotation Transform, b []byte, x []float32) {
	n := norm(x)
	var v [128]float32
	if n > 1e-10 || !t.zero {
		var inv float32
		if n > 1e-10 {
			inv = 1 / n
		}
		for j := range v {
			v[j] = x[j] * inv
		}
	}
	rotation.Forward(v[:])
	for j := range v {
		code := index(v[j], t.thresholds)
		t.put(b, j, code)
		v[j] = t.codebook[code]
	}
	if r := norm(v[:]); r > 1e-10 {
		n /= r
	}
	putF16(b, n)
}

func (t turbo) decode(y []float32, b []byte) {
	n := getF16(b)
	for j := range y {
		y[j] = t.codebook[t.get(b, j)] * n
	}
}

// norm is the Euclidean norm, summed from the first element on.
func norm(x []float32) float32 {
	var sum float32
	for _, v := range x {
		sum += float32(v * v)
	}
	return sqrt(sum)
}
