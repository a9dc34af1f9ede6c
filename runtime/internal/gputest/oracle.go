//go:build emulate || gpu

package gputest

import (
	"math/rand/v2"

	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// Decoded gives back the rows as numbers, transforms undone.
func Decoded(s rows.Side, packed []byte) []float32 {
	row := s.Type.HeadDim(s.Dim)
	n := len(packed) / s.Type.RowBytes(row)
	var all []float32
	for i := range n {
		x := make([]float32, row)
		s.Type.Impls[0].Decode(x, packed[i*s.Type.RowBytes(row):][:s.Type.RowBytes(row)])
		if s.Type.Domain != nil {
			s.Type.Domain.Impls[0].Inverse(x)
		}
		if s.Rotation != nil {
			s.Rotation.Transform.Impls[0].Inverse(x[:s.Dim])
		}
		all = append(all, x[:s.Dim]...)
	}
	return all
}

// Normal is n numbers of a normal distribution, by a seed.
func Normal(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 3))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// Encoded is what the CPU kernels store.
func Encoded(s rows.Side, x []float32) []byte {
	row := s.Type.HeadDim(s.Dim)
	var all []byte
	for ; len(x) > 0; x = x[s.Dim:] {
		wide := make([]float32, row)
		copy(wide, x[:s.Dim])
		if s.Rotation != nil {
			s.Rotation.Transform.Impls[0].Forward(wide[:s.Dim])
		}
		b := make([]byte, s.Type.RowBytes(row))
		s.Type.Impls[0].Encode(b, wide)
		all = append(all, b...)
	}
	return all
}
