package kernels_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/kvgen/kvgen/kernels"
)

// BenchmarkProduct multiplies one row of activations in int8 with weights, as generating a token
// does: rows of 1024 values out of 64 MB of memory, and out of 128 KB, which the second-level cache
// holds. It gives packed bytes per second, the best of a few passes, out of memory also as a share
// of what the same core reads.
//
//	go test ./kernels -run '^$' -bench 'Product/q' -benchtime 10x
func BenchmarkProduct(b *testing.B) {
	read := readRate()
	b.Logf("one core reads %.1f GB/s", read/1e9)
	const n, tile = 1024, 64 // values of a row, rows to a call
	for _, typ := range kernels.Default().Types() {
		impl := typ.Best()
		if impl.MatmulQ8 == nil || n%typ.ActGroup != 0 || n%typ.Block != 0 {
			continue
		}
		stride := typ.RowBytes(n)
		var act kernels.Act
		act.Resize(1, n, typ.ActGroup)
		kernels.Default().QuantiseAct(&act, noise(n, 5, 1), n, 1)
		y, ws := make([]float32, tile), &kernels.Workspace{}
		for _, size := range []int{128 << 10, 64 << 20} {
			w := make([]byte, size/stride*stride)
			for i := range w {
				w[i] = byte(i % 48)
			}
			b.Run(fmt.Sprintf("%s/%dKB", typ.Name, size>>10), func(b *testing.B) {
				best, turns := time.Duration(1<<62), max(1, 4<<20/size)
				for b.Loop() {
					start := time.Now()
					for range turns {
						for r := 0; r < size/stride; r += tile {
							count := min(tile, size/stride-r)
							impl.MatmulQ8(y, tile, &act, 1, w[r*stride:][:count*stride], stride, count, n, ws)
						}
					}
					best = min(best, time.Since(start))
				}
				rate := float64(turns*len(w)) / best.Seconds()
				b.ReportMetric(rate/1e9, "GB/s")
				if turns == 1 {
					b.ReportMetric(100*rate/read, "%read")
				}
			})
		}
	}
}
