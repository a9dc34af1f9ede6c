package cpu

// The drivers stand between the table's functions, which take slices, and assembly
// kernels, which take addresses. They check every bound, cut m into the tiles that
// exist, and leave rows that are no whole number of units to portable Go.

type (
	matmulKernel   func(y *float32, ldy int, x *float32, ldx int, w *byte, stride, rows, units int)
	matmulQ8Kernel func(y *float32, ldy int, q *int8, d, s *float32, w *byte, stride, rows, blocks int)
	mixKernel      func(o *float32, ldo int, p *float32, ldp int, v *byte, stride, rows, units int)

	// Entry m-1 handles m rows; nil entries are done by smaller ones.
	mixTiles [6]mixKernel
)

// driveDecode runs whole units of unit values in unitBytes bytes.
func driveDecode(kernel func(dst *float32, src *byte, units int), unit, unitBytes int, generic func([]float32, []byte), dst []float32, src []byte) {
	if units := len(dst) / unit; units > 0 {
		_, _ = dst[units*unit-1], src[units*unitBytes-1]
		kernel(&dst[0], &src[0], units)
		dst, src = dst[units*unit:], src[units*unitBytes:]
	}
	if len(dst) > 0 {
		generic(dst, src)
	}
}

// tile is the largest tile of at most m rows.
func tile[K any](tiles []K, has func(K) bool, m int) int {
	m = min(m, len(tiles))
	for !has(tiles[m-1]) {
		m--
	}
	return m
}

func (t *mixTiles) drive(unit, unitBytes int, generic func([]float32, int, []float32, int, int, []byte, int, int, int, *Workspace), o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, ws *Workspace) {
	if m == 0 || rows == 0 {
		return
	}
	if n%unit != 0 || n == 0 {
		generic(o, ldo, p, ldp, m, v, stride, rows, n, ws)
		return
	}
	_, _, _ = o[(m-1)*ldo+n-1], p[(m-1)*ldp+rows-1], v[(rows-1)*stride+n/unit*unitBytes-1]
	for j := 0; j < m; {
		k := tile(t[:], func(f mixKernel) bool { return f != nil }, m-j)
		t[k-1](&o[j*ldo], 4*ldo, &p[j*ldp], 4*ldp, &v[0], stride, rows, n/unit)
		j += k
	}
}
