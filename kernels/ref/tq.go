package ref

// tq is a weight type of one 32-value block: rotated values as codebook indices, and a scale for
// each half.
//
//	tq3_1s   0       2       4                  16
//	         | d0:f16 | d1:f16 | qs: 3 bits x 32 |
//	tq4_1s   0       2       4                  20
//	         | d0:f16 | d1:f16 | qs: 4 bits x 32 |
//
// qs is one stream of bits from the low bit of its first byte up. A decoded value is d *
// codebook[code], still rotated.
type tq struct {
	bits       int
	codebook   []float32
	thresholds []float32
}

var tq3 = tq{
	bits:       3,
	codebook:   []float32{-1.996684, -1.291398, -0.740341, -0.247508, 0.230106, 0.725222, 1.277503, 1.988943},
	thresholds: []float32{-1.644041, -1.015870, -0.493925, -0.008701, 0.477664, 1.001363, 1.633223},
}

var tq4 = tq{
	bits: 4,
	codebook: []float32{-2.732590, -2.069017, -1.618046, -1.256231, -0.942340, -0.656759, -0.388048, -0.128395,
		0.128395, 0.388048, 0.656759, 0.942340, 1.256231, 1.618046, 2.069017, 2.732590},
	thresholds: []float32{-2.400804, -1.843532, -1.437139, -1.099286, -0.799550, -0.522404, -0.258222, 0,
		0.258222, 0.522404, 0.799550, 1.099286, 1.437139, 1.843532, 2.400804},
}

func (t tq) format(name string, id int) Format {
	rotation := TransformTQ()
	f := blocks(name, id, 32, 4+32*t.bits/8, func(b []byte, x []float32) { t.encode(rotation, b, x) }, t.decode)
	f.Rotation = rotation
	return f
}

// encode picks one of nine multiples of the root mean square for both halves together, then refines
// each half's scale by six rounds of least squares.
func (t tq) encode(rotation Transform, b []byte, x []float32) {
	var v [32]float32
	copy(v[:], x)
	rotation.Forward(v[:])
	halves := [2][]float32{v[:16], v[16:]}
	d := t.search(halves)
	for h, half := range halves {
		for range 6 {
			d[h] = t.refine(half, d[h])
		}
		putF16(b[2*h:], d[h])
		for j, c := range t.codes(half, d[h]) {
			t.put(b[4:], 16*h+j, c)
		}
	}
}

// search returns the pair of scales with the least squared error; the first of equals wins.
func (t tq) search(halves [2][]float32) (best [2]float32) {
	var rms [2]float32
	for h, half := range halves {
		var sum float32
		for _, v := range half {
			sum += float32(v * v)
		}
		rms[h] = sqrt(sum / 16)
	}
	best = rms
	least := float32(1e30)
	for _, k := range []float32{0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.35, 1.5} {
		d := [2]float32{rms[0] * k, rms[1] * k}
		var sum float32 // over both halves, in order
		for h, half := range halves {
			for j, c := range t.codes(half, d[h]) {
				diff := half[j] - float32(t.codebook[c]*d[h])
				sum += float32(diff * diff)
			}
		}
		if sum < least {
			least, best = sum, d
		}
	}
	return best
}

// refine returns the scale that fits half best with the codes that d gives it.
func (t tq) refine(half []float32, d float32) float32 {
	var num, den float32
	for j, c := range t.codes(half, d) {
		level := t.codebook[c]
		num += float32(half[j] * level)
		den += float32(level * level)
	}
	if den > 1e-10 {
		return num / den
	}
	return d
}

// codes returns the codes of half under scale d.
func (t tq) codes(half []float32, d float32) (c [16]int) {
	var inv float32
	if d > 1e-10 {
		inv = 1 / d
	}
	for j, v := range half {
		c[j] = index(float32(v*inv), t.thresholds)
	}
	return c
}

func (t tq) decode(y []float32, b []byte) {
	d := [2]float32{getF16(b), getF16(b[2:])}
	for j := range y {
		y[j] = t.codebook[t.get(b[4:], j)] * d[j/16]
	}
}

func (t tq) put(qs []byte, j, code int) {
	for k := range t.bits {
		at := j*t.bits + k
		qs[at/8] |= byte(code >> k & 1 << (at % 8))
	}
}

func (t tq) get(qs []byte, j int) (code int) {
	for k := range t.bits {
		at := j*t.bits + k
		code |= int(qs[at/8]>>(at%8)) & 1 << k
	}
	return code
}
