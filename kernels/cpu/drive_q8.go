package cpu

import (
	"fmt"
	"unsafe"

	"github.com/kvgen/kvgen/kernels/abi"
)

// matmulQ8Tiles multiplies few rows of activations by tiles, and many by panels: a row
// of w is unpacked once into records, which then meet panels of 8 rows.
type matmulQ8Tiles struct {
	tiles [actRows]matmulQ8Kernel
	// for rows in fours; empty where the type has none
	fours [actRows]matmulQ8Kernel
	// fours is for rows of one block
	oneBlock bool
	// nil where no form of records fits the type
	unpack func(dst, src *byte, blocks int)
	// for its form of records
	gemm func(out *float32, w *byte, ldw int, x *float32, rows, groups int)
	// bytes of a record of 32 values
	record int
}

// actRows is the number of rows of activations that a tile may have.
const actRows = abi.ActRows

// inFours rows of w are summed together.
const inFours = 4

// gemmRows rows of w are unpacked at a time; kernels take multiples of 4.
const gemmRows = 16

func (t *matmulQ8Tiles) drive(block, blockBytes int, generic func([]float32, int, *Act, int, []byte, int, int, int, *Workspace), y []float32, ldy int, x *Act, m int, w []byte, stride, rows, n int, ws *Workspace) {
	if m == 0 || rows == 0 {
		return
	}
	if x.N != n || m > x.Rows || m < x.Rows && m%abi.ActPanel != 0 {
		// Kernels would read beyond the activations, or take them for another tile.
		panic(fmt.Sprintf("cpu: %d rows of %d wanted of activations that are %d rows of %d", m, n, x.Rows, x.N))
	}
	_, _ = y[(m-1)*ldy+rows-1], w[(rows-1)*stride+n/block*blockBytes-1]
	j := 0
	if many := min(m, x.Panels()) / abi.ActPanel * abi.ActPanel; many > 0 {
		if t.unpack == nil {
			generic(y, ldy, x, m, w, stride, rows, n, ws)
			return
		}
		t.panels(n/block, y, ldy, x, many, w, stride, rows, n, ws)
		j = many
	}
	for ; j < m; j += actRows {
		k := min(actRows, m-j)
		q, d, s := x.Tile(j)
		from := 0
		if t.fours[0] != nil && (n == block || !t.oneBlock) {
			if from = rows / inFours * inFours; from > 0 {
				t.fours[k-1](&y[j*ldy], 4*ldy, &q[0], &d[0], &s[0], &w[0], stride, from, n/block)
			}
		}
		if from < rows {
			t.tiles[k-1](&y[j*ldy+from], 4*ldy, &q[0], &d[0], &s[0], &w[from*stride], stride, rows-from, n/block)
		}
	}
}

// panels computes the first m rows of y, whole panels.
func (t *matmulQ8Tiles) panels(blocks int, y []float32, ldy int, x *Act, m int, w []byte, stride, rows, n int, ws *Workspace) {
	ld := n / abi.Chunk * t.record
	records := ws.Raw(gemmRows*ld + 4*gemmRows*abi.ActPanel)
	out := unsafe.Slice((*float32)(unsafe.Pointer(&records[gemmRows*ld])), gemmRows*abi.ActPanel)
	for r := 0; r < rows; r += gemmRows {
		count := min(gemmRows, rows-r)
		for k := range count {
			t.unpack(&records[k*ld], &w[(r+k)*stride], blocks)
		}
		for j := 0; j < m; j += abi.ActPanel {
			// Rows up to the next multiple of 4 hold what earlier calls left; their sums are not
			// used.
			t.gemm(&out[0], &records[0], ld, &x.Panel(j, 0)[0], (count+3)/4*4, n/abi.Chunk)
			for lane := range abi.ActPanel {
				to := y[(j+lane)*ldy+r:][:count]
				for k := range to {
					to[k] = out[k*abi.ActPanel+lane]
				}
			}
		}
	}
}
