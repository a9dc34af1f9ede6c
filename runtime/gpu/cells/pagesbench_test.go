package cells

import (
	"fmt"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// BenchmarkPages is what the processor does for a token of each of several sequences beside what a
// GPU does: cells are given, and the lists written.
func BenchmarkPages(b *testing.B) {
	for _, n := range []int{1, 4, 16, 64} {
		b.Run(fmt.Sprint(n, " of 8192"), func(b *testing.B) {
			f16 := kv.Choice{Type: kernels.Default().ByName("f16")}
			plan, err := kv.NewPlan([]kv.Layer{{Heads: 8, KeyDim: 128, ValueDim: 128}}, kv.Policy{K: f16, V: f16})
			if err != nil {
				b.Fatal(err)
			}
			const size = 8192 + 4096
			c, err := kv.NewShape(plan, kv.Shape{Size: size, Batch: 1024, Sequences: max(2, n), Cells: n * size})
			if err != nil {
				b.Fatal(err)
			}
			var runs []kv.Run
			for seq := range n {
				for range 8 {
					c.PlaceRuns([]kv.Run{{Seq: seq, N: 1024}})
				}
				runs = append(runs, kv.Run{Seq: seq, N: 1})
			}
			cells := c.Rows(0).Segments()[0].K.Cells
			x := &pages{host: cells, known: make([]page, (cells.Capacity()+kv.Page-1)/kv.Page), marks: -1}
			words, heads, lowest := make([]int32, listRoom(cells, c.Sequences, size)), make([]int32, Entry*c.Sequences), make([]int32, c.Sequences)
			for b.Loop() {
				for _, r := range runs {
					if c.LenSeq(r.Seq) == size {
						c.TruncateSeq(r.Seq, 8192)
					}
					lowest[r.Seq] = int32(c.LenSeq(r.Seq))
				}
				if err := c.PlaceRuns(runs); err != nil {
					b.Fatal(err)
				}
				x.write(words, 0, heads, 0, lowest)
			}
		})
	}
}
