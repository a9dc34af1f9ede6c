//go:build emulate || gpu

package gputest

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/kv"
)

// Geometric is the angles per position of n pairs, as models have them.
func Geometric(n int, base float64) []float64 {
	freq := make([]float64, n)
	for i := range freq {
		freq[i] = math.Pow(base, -float64(i)/float64(n))
	}
	return freq
}

// Choice is a type and a rotation by their names, "" for none.
func Choice(name, rotation string) kv.Choice {
	c := kv.Choice{Type: kernels.Default().ByName(name)}
	if rotation != "" {
		c.Rotation = kernels.Default().RotationByName(rotation)
	}
	return c
}

// ChoiceSide is a side of that; a rotation that does not fit is left out.
func ChoiceSide(name, rotation string, dim int) rows.Side {
	c := Choice(name, rotation)
	s := rows.Side{Type: c.Type, Dim: dim}
	if c.Rotation != nil && c.Rotation.Fits(dim, c.Type.Quantised) == nil {
		s.Rotation = c.Rotation
	}
	return s
}

// Exported is rows of cells as a file has them.
func Exported(t testing.TB, d *gpu.Queue, r *rows.Rows, cells []int32) []byte {
	t.Helper()
	packed := Must[*gpu.Buffer](t)(d.Alloc(uint64(len(cells) * r.Heads * r.FileRow())))
	defer packed.Free()
	Check(t, r.Export(packed, Upload(t, d, cells), len(cells)))
	b := make([]byte, packed.Size)
	Check(t, gpu.Read(packed, 0, b))
	return b
}
