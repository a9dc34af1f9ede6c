package kv_test

import (
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// BenchmarkLeave is what a layer with exact rows costs the processor for a token of each of 16
// sequences, which have a prompt in common.
func BenchmarkLeave(b *testing.B) {
	f16 := kv.Choice{Type: kernels.Default().ByName("f16")}
	plan, err := kv.NewPlan([]kv.Layer{{Heads: 1, KeyDim: 32, ValueDim: 32}}, kv.Policy{K: f16, V: f16, Ends: kv.Ends{Last: 64}})
	if err != nil {
		b.Fatal(err)
	}
	const sequences, prompt, depth, size = 16, 100, 4096, 6144
	c, err := kv.NewShape(plan, kv.Shape{Size: size, Batch: 512, Sequences: sequences, Cells: sequences * size})
	if err != nil {
		b.Fatal(err)
	}
	place := func(runs ...kv.Run) {
		n := 0
		for _, r := range runs {
			n += r.N
		}
		if err := c.PlaceRuns(runs); err != nil {
			b.Fatal(err)
		}
		for n > 0 {
			n -= c.Rows(0).Next()
		}
	}
	place(kv.Run{Seq: 0, N: prompt})
	var runs []kv.Run
	for seq := range sequences {
		if err := c.CopySeq(0, seq); err != nil {
			b.Fatal(err)
		}
		runs = append(runs, kv.Run{Seq: seq, N: 1})
	}
	for seq := range sequences {
		for c.LenSeq(seq) < depth {
			place(kv.Run{Seq: seq, N: min(512, depth-c.LenSeq(seq))})
		}
	}
	for b.Loop() {
		if c.LenSeq(0) == size {
			for seq := range sequences {
				c.TruncateSeq(seq, depth)
			}
		}
		place(runs...)
	}
}
