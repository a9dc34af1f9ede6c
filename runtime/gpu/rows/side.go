package rows

import (
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// Side is one side of a layer's cache.
type Side struct {
	Type     *kernels.Type
	Rotation *kernels.Rotation // nil for none
	Dim      int               // values of a head
}

// Row is the number of values that device memory holds of a head: whole fragments of the tensor
// cores.
func (s Side) Row() int { return (s.Type.HeadDim(s.Dim) + 15) / 16 * 16 }

// Include includes what a side needs and returns the names of its type and its transform.
func (s Side) Include(b *gpu.Builder) (typ, rotation string) {
	typ = b.Type(s.Type)
	if s.Rotation == nil {
		return typ, "Identity"
	}
	return typ, b.Transform(s.Rotation.Transform)
}

// Pair is the two sides of a layer.
type Pair struct{ Key, Value Side }
