package cpu

import "unsafe"

// mixPairs mixes types with one scale to a long block in integers. mixRows rows are unpacked to
// bytes, two rows interleaved. Scales go into the weights, which are rounded to 16 bits. Kernels
// for up to 6 rows of o add products of pairs.
type mixPairs struct {
	pairs func(levels *byte, scales *float32, v *byte, stride, rows int)
	// from the order of pairs; nil where that is the type's own
	place func(o *float32, ldo int, sums *float32, m int)
	parts *mixPairsParts
}

// mixPairsParts are the kernels that serve all types; entry m-1 of tiles handles m rows of o.
type mixPairsParts struct {
	weights func(q *int16, d, p *float32, ldp int, scales *float32, m int)
	tiles   [6]mixPairsKernel
}

type mixPairsKernel func(o *float32, ldo int, q *int16, ldq int, d *float32, levels *byte, stride, pairs, n int)

// pairsSpace is what mixPairs works in.
type pairsSpace struct {
	q       [6][mixRows]int16
	d       [8]float32
	scales  [mixRows]float32
	weights [6][mixRows]float32 // those of fewer than mixRows rows, and zeros
}

func (t *mixPairs) drive(block, blockBytes int, generic func([]float32, int, []float32, int, int, []byte, int, int, int, *Workspace), o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, ws *Workspace) {
	if m == 0 || rows == 0 || n == 0 {
		return
	}
	_, _, _ = o[(m-1)*ldo+n-1], p[(m-1)*ldp+rows-1], v[(rows-1)*stride+n/block*blockBytes-1]
	levels := ws.Raw(mixRows*block + int(unsafe.Sizeof(pairsSpace{})))
	s := (*pairsSpace)(unsafe.Pointer(&levels[mixRows*block]))
	for at := 0; at < n; at += block {
		to, ld := o[at:], ldo
		if t.place != nil {
			to, ld = ws.Floats(m*block), block
			clear(to)
		}
		for r := 0; r < rows; r += mixRows {
			count := min(mixRows, rows-r)
			t.unpack(block, levels, s, v[r*stride+at/block*blockBytes:], stride, count)
			for j := 0; j < m; {
				k := min(len(t.parts.tiles), m-j)
				t.round(s, p[j*ldp+r:], ldp, k, count)
				t.parts.tiles[k-1](&to[j*ld], 4*ld, &s.q[0][0], 2*mixRows, &s.d[0], &levels[0], 2*block, (count+1)/2, block)
				j += k
			}
		}
		if t.place != nil {
			t.place(&o[at], 4*ldo, &to[0], m)
		}
	}
}

// unpack fills levels and scales with count rows. An odd last row is paired with itself.
func (t *mixPairs) unpack(block int, levels []byte, s *pairsSpace, v []byte, stride, count int) {
	even := count &^ 1
	if even > 0 {
		t.pairs(&levels[0], &s.scales[0], &v[0], stride, even)
	}
	if even < count {
		t.pairs(&levels[even*block], &s.scales[even], &v[even*stride], 0, 2)
	}
	clear(s.scales[count:])
}

// round rounds the weights of count rows for k rows of o; those up to mixRows are zero.
func (t *mixPairs) round(s *pairsSpace, p []float32, ldp, k, count int) {
	if count < mixRows {
		for j := range k {
			clear(s.weights[j][copy(s.weights[j][:], p[j*ldp:][:count]):])
		}
		p, ldp = s.weights[0][:], mixRows
	}
	t.parts.weights(&s.q[0][0], &s.d[0], &p[0], 4*ldp, &s.scales[0], k)
}
