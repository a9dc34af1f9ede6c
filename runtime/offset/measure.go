package offset

import (
	"context"
	"fmt"
	"math"

	"github.com/kvgen/kvgen/runtime/model"
)

const (
	// Tokens is the length of the text that is measured. More change little: what is sought is the
	// same at all positions.
	Tokens = 512
	// Skip is how many of its first tokens are left out: many models use them as sinks, whose keys
	// are like no others.
	Skip = 4
)

// Measure is the mean of the keys before RoPE over tokens, which begin as a text does that the
// model is given, without the first Skip. It depends on the tokens alone, not on the number of
// threads.
func Measure(ctx context.Context, m *model.Model, tokens []int32, threads int) (*File, error) {
	if len(tokens) <= Skip {
		return nil, fmt.Errorf("measuring keys on %d tokens: more than %d are needed", len(tokens), Skip)
	}
	id, err := m.Identity()
	if err != nil {
		return nil, err
	}
	layers := m.KVLayers()
	sums := make([][]float64, len(layers))
	for i, l := range layers {
		sums[i] = make([]float64, l.Heads*l.KeyDim)
	}
	err = m.Keys(ctx, tokens, threads, func(layer, first int, k []float32) {
		sum := sums[layer]
		for t := 0; len(k) > 0; t, k = t+1, k[len(sum):] {
			if first+t < Skip {
				continue
			}
			for i := range sum {
				sum[i] += float64(k[i])
			}
		}
	})
	if err != nil {
		return nil, err
	}
	f := &File{Kind: kind, Version: version, Model: *id, Tokens: len(tokens), Skipped: Skip}
	for i, l := range layers {
		mean := make([]float32, len(sums[i]))
		for k, s := range sums[i] {
			mean[k] = float32(s / float64(len(tokens)-Skip))
			if v := float64(mean[k]); math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("layer %d: the keys are no numbers: the weights are damaged, or their values overflow", l.Index)
			}
		}
		f.Layers = append(f.Layers, Layer{l.Index, l.Heads, l.KeyDim, mean})
	}
	f.Values = f.offset("").Identity
	return f, nil
}
