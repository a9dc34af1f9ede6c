package cpu

// matmulTiles multiplies few rows of x by tiles that decode w as they go, and many by
// decoding some rows of w once.
type matmulTiles struct {
	tiles  [4]matmulKernel
	decode func(dst []float32, src []byte) // nil where the type has no vector decoder
	gemm   *gemmF32Tiles
}

// gemmF32Tiles are the kernels on decoded rows, for 1 to 3 rows of x.
type gemmF32Tiles [3]func(out *float32, ldo int, x *float32, ldx int, w *float32, ldw, rows, units int)

const (
	gemmFrom = 8 // rows of x from which on decoding once pays
	f32Lanes = 8 // values of a unit of gemmF32Tiles
)

func (t *matmulTiles) drive(unit, unitBytes int, generic func([]float32, int, []float32, int, int, []byte, int, int, int, *Workspace), y []float32, ldy int, x []float32, ldx, m int, w []byte, stride, rows, n int, ws *Workspace) {
	if m == 0 || rows == 0 {
		return
	}
	if n%unit != 0 || n == 0 {
		generic(y, ldy, x, ldx, m, w, stride, rows, n, ws)
		return
	}
	_, _, _ = y[(m-1)*ldy+rows-1], x[(m-1)*ldx+n-1], w[(rows-1)*stride+n/unit*unitBytes-1]
	if m >= gemmFrom && t.decode != nil && n%f32Lanes == 0 {
		t.many(n/unit*unitBytes, y, ldy, x, ldx, m, w, stride, rows, n, ws)
		return
	}
	for j := 0; j < m; {
		k := tile(t.tiles[:], func(f matmulKernel) bool { return f != nil }, m-j)
		t.tiles[k-1](&y[j*ldy], 4*ldy, &x[j*ldx], 4*ldx, &w[0], stride, rows, n/unit)
		j += k
	}
}

// many decodes gemmRows rows of w at a time.
func (t *matmulTiles) many(rowBytes int, y []float32, ldy int, x []float32, ldx, m int, w []byte, stride, rows, n int, ws *Workspace) {
	buf := ws.Floats(gemmRows*n + len(t.gemm)*gemmRows)
	decoded, out := buf[:gemmRows*n], buf[gemmRows*n:]
	for r := 0; r < rows; r += gemmRows {
		count := min(gemmRows, rows-r)
		for k := range count {
			t.decode(decoded[k*n:][:n], w[(r+k)*stride:][:rowBytes])
		}
		for j := 0; j < m; {
			h := min(len(t.gemm), m-j)
			// Rows up to the next multiple of 4 hold what earlier calls left; their sums are not
			// used.
			t.gemm[h-1](&out[0], 4*gemmRows, &x[j*ldx], 4*ldx, &decoded[0], 4*n, (count+3)/4*4, n/f32Lanes)
			for i := range h {
				copy(y[(j+i)*ldy+r:][:count], out[i*gemmRows:])
			}
			j += h
		}
	}
}
