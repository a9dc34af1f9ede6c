//go:build emulate || gpu

package cuda

import "math/rand/v2"

// decoded gives back the rows as numbers, transforms undone.
func decoded(s Side, packed []byte) []float32 {
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

func normal(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 3))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// encoded is what the CPU kernels store.
func encoded(s Side, x []float32) []byte {
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
