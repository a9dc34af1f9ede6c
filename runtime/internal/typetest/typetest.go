// Package typetest wraps the oracle formats of kernels/ref as kernels.Type with naive loops, so
// that the runtime's tests have types whose every step is plain. None has an int8 form. It is
// imported by tests only.
package typetest

import (
	"sync"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/ref"
)

// All returns every oracle format as a type.
var All = sync.OnceValue(func() []*kernels.Type {
	var all []*kernels.Type
	for _, f := range ref.Formats() {
		all = append(all, wrap(f))
	}
	return all
})

// ByName returns one of All, nil when there is none.
func ByName(name string) *kernels.Type {
	for _, t := range All() {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// ByID returns one of All, nil when there is none.
func ByID(id int) *kernels.Type {
	for _, t := range All() {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// Attn is the rotation of 64-value tiles by a Hadamard matrix without signs.
var Attn = sync.OnceValue(func() *kernels.Rotation {
	return &kernels.Rotation{
		Name:      "attn",
		Transform: transform("attn", ref.Transform{Size: 64}),
		Guard: &kernels.Guard{Text: "quantised && head_dim % 64 == 0",
			Holds: func(d int, q bool) bool { return q && d%64 == 0 }},
	}
})

func transform(name string, t ref.Transform) *kernels.Transform {
	return &kernels.Transform{Name: name, Size: t.Size,
		Impls: []kernels.TransformImpl{{ISA: "ref", Forward: t.Forward, Inverse: t.Inverse}}}
}

func wrap(f ref.Format) *kernels.Type {
	t := &kernels.Type{
		Name: f.Name, ID: f.ID, Identity: "ref-" + f.Name, Block: f.Block, Bytes: f.Bytes,
		KV: f.Encode != nil && f.ID < 45, Weight: true, Quantised: f.Block > 1,
		Pad: f.Rotation.Size == 128,
	}
	if f.Rotation.Size != 0 {
		t.Domain = transform(f.Name, f.Rotation)
	}
	impl := kernels.Impl{ISA: "ref", Encode: f.Encode, Decode: f.Decode}
	impl.Matmul = func(y []float32, ldy int, x []float32, ldx, m int, w []byte, stride, rows, n int, _ *kernels.Workspace) {
		row := make([]float32, n)
		for r := range rows {
			f.Decode(row, w[r*stride:][:f.RowBytes(n)])
			for j := range m {
				y[j*ldy+r] = float32(ref.Dot(x[j*ldx:][:n], row))
			}
		}
	}
	impl.Mix = func(o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, _ *kernels.Workspace) {
		row := make([]float32, n)
		for r := range rows {
			f.Decode(row, v[r*stride:][:f.RowBytes(n)])
			for j := range m {
				for i := range row {
					o[j*ldo+i] += float32(p[j*ldp+r] * row[i])
				}
			}
		}
	}
	t.Impls = []kernels.Impl{impl}
	return t
}
