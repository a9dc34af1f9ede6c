package offset

import (
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// Bias is the offset that the model's bias of K is. Layers that have none say so.
func Bias(m *model.Model) *kv.Offset {
	layers := make([]kv.LayerOffset, len(m.KVLayers()))
	for i := range layers {
		layers[i].Mu, layers[i].Why = m.KeyBias(i)
	}
	return kv.NewOffset("bias", layers)
}
