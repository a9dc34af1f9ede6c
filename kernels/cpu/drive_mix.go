package cpu

import "github.com/kvgen/kvgen/kernels/abi"

// mixLevels mixes types with one scale to a long block: mixRows rows are unpacked to
// bytes, scales go into the weights, and kernels for up to 6 rows of o add the bytes.
type mixLevels struct {
	levels   func(levels *byte, scales *float32, v *byte, stride, rows int)
	tiles    *mixLevelsTiles
	scaleMul func(y, x, w []float32, s float32)
}

// mixLevelsTiles are the kernels on bytes; entry m-1 handles m rows of o.
type mixLevelsTiles [6]func(o *float32, ldo int, p *float32, ldp int, levels *byte, stride, rows, n int)

// mixRows rows of levels and weights stay in the first-level cache.
const mixRows = abi.MixRows

func (t *mixLevels) drive(block, blockBytes int, generic func([]float32, int, []float32, int, int, []byte, int, int, int, *Workspace), o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, ws *Workspace) {
	if m == 0 || rows == 0 || n == 0 {
		return
	}
	_, _, _ = o[(m-1)*ldo+n-1], p[(m-1)*ldp+rows-1], v[(rows-1)*stride+n/block*blockBytes-1]
	levels, floats := ws.Raw(mixRows*block), ws.Floats((len(t.tiles)+1)*mixRows)
	scales, weights := floats[:mixRows], floats[mixRows:]
	for at := 0; at < n; at += block {
		for r := 0; r < rows; r += mixRows {
			count := min(mixRows, rows-r)
			t.levels(&levels[0], &scales[0], &v[r*stride+at/block*blockBytes], stride, count)
			for j := 0; j < m; {
				k := min(len(t.tiles), m-j)
				for i := range k {
					t.scaleMul(weights[i*mixRows:][:count], p[(j+i)*ldp+r:], scales, 1)
				}
				t.tiles[k-1](&o[j*ldo+at], 4*ldo, &weights[0], 4*mixRows, &levels[0], block, count, block)
				j += k
			}
		}
	}
}
