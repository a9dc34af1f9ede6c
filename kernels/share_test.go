package kernels_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/kvgen/kvgen/kernels"
)

// BenchmarkShare measures score and mix in the fast form on packed caches of 64 MB, more than any
// level of cache holds, with G query heads to a row, and gives the packed bytes per second as a
// share of what the same core reads. Rows are heads of 128 values, or one block where that is
// longer. The best of a few passes counts: others may be using the machine.
//
//	go test ./kernels -run '^$' -bench Share -benchtime 5x
func BenchmarkShare(b *testing.B) {
	read := readRate()
	b.Logf("one core reads %.1f GB/s", read/1e9)
	for _, typ := range kernels.Default().Types() {
		impl := typ.Best()
		if !typ.KV || impl.Encode == nil {
			continue
		}
		w, stride, _, n := benchRows(typ)
		for len(w) < 64<<20 {
			w = append(w, w...)
		}
		rows := len(w) / stride
		for _, g := range []int{1, 3, 4, 7} {
			name := fmt.Sprintf("%s/%dheads/", typ.Name, g)
			x, ws := noise(g*max(n, 256), 5, 1), &kernels.Workspace{}
			y := make([]float32, g*256)
			share := func(b *testing.B, pass func(w []byte, rows int)) {
				best := time.Duration(1 << 62)
				for b.Loop() {
					start := time.Now()
					for r := 0; r < rows; r += 256 {
						count := min(256, rows-r)
						pass(w[r*stride:][:count*stride], count)
					}
					best = min(best, time.Since(start))
				}
				b.ReportMetric(100*float64(len(w))/best.Seconds()/read, "%read")
				b.ReportMetric(float64(best.Nanoseconds())/float64(rows), "ns/row")
			}
			b.Run(name+"score", func(b *testing.B) {
				if impl.MatmulQ8 == nil || n%typ.ActGroup != 0 {
					share(b, func(w []byte, rows int) { impl.Matmul(y, 256, x, n, g, w, stride, rows, n, ws) })
					return
				}
				var act kernels.Act
				act.Resize(g, n, typ.ActGroup)
				kernels.Default().QuantiseAct(&act, x, n, g)
				share(b, func(w []byte, rows int) { impl.MatmulQ8(y, 256, &act, g, w, stride, rows, n, ws) })
			})
			b.Run(name+"mix", func(b *testing.B) {
				mix := impl.Mix
				if impl.MixQ8 != nil {
					mix = impl.MixQ8
				}
				o := make([]float32, g*n)
				share(b, func(w []byte, rows int) { mix(o, n, x, 256, g, w, stride, rows, n, ws) })
			})
		}
	}
}

// readRate is the bytes per second that one core reads from 64 MB of memory, the best of some
// passes.
func readRate() float64 {
	x, vec := make([]float32, 16<<20), kernels.Default().Vec()
	for i := range x {
		x[i] = 1 // untouched memory would be one page of zeros
	}
	best := time.Duration(1 << 62)
	for range 20 {
		start := time.Now()
		vec.Max(x)
		best = min(best, time.Since(start))
	}
	return float64(4*len(x)) / best.Seconds()
}
