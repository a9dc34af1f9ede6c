package offset_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/offset"
)

// BenchmarkDecode is what an offset costs of a token at depth 2048, fast form, 2 threads, of the
// model that KVRUN_MODEL names: tokens with and without take turns in one process, so that both
// meet the same machine. cost-% is of the medians.
func BenchmarkDecode(b *testing.B) {
	const depth = 2048
	path := os.Getenv("KVRUN_MODEL")
	if path == "" {
		b.Skip("KVRUN_MODEL names no model")
	}
	m, err := model.Open(path, kernels.Default())
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	f, err := offset.Measure(context.Background(), m, tokens(512), 2)
	if err != nil {
		b.Fatal(err)
	}
	o, err := f.Offset(m, "mean")
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"q8_0", "lm4_64", "f16"} {
		b.Run(name, func(b *testing.B) {
			side := kv.Choice{Type: kernels.Default().ByName(name)}
			plan := func(k kv.Choice) *kv.Plan {
				p, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: k, V: side})
				if err != nil {
					b.Fatal(err)
				}
				return p
			}
			without, err := m.NewContext(model.Options{Plan: plan(side), Size: depth + 1, Threads: 2, Math: model.Fast})
			if err != nil {
				b.Fatal(err)
			}
			defer without.Close()
			with, err := without.Sibling(plan(kv.Choice{Type: side.Type, Offset: o}))
			if err != nil {
				b.Fatal(err)
			}
			defer with.Close()
			contexts := []*model.Context{without, with}
			for _, c := range contexts {
				if _, err := c.Prefill(tokens(depth)); err != nil {
					b.Fatal(err)
				}
			}
			var times [2][]time.Duration
			for turn := 0; b.Loop(); turn++ {
				for i := range contexts {
					i = (i + turn) % 2
					start := time.Now()
					if _, err := contexts[i].Decode(5); err != nil {
						b.Fatal(err)
					}
					times[i] = append(times[i], time.Since(start))
					if err := contexts[i].Truncate(depth); err != nil {
						b.Fatal(err)
					}
				}
			}
			var median [2]float64
			for i, t := range times {
				slices.Sort(t)
				median[i] = t[len(t)/2].Seconds()
			}
			b.ReportMetric(100*(median[1]/median[0]-1), "cost-%")
			b.ReportMetric(1/median[0], "tokens/s")
		})
	}
}
