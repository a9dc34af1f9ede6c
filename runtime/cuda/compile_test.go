package cuda

import (
	"fmt"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/engine"
	"github.com/kvgen/kvgen/runtime/gpu/product"
	"github.com/kvgen/kvgen/runtime/gpu/qkv"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// architectures are those that kernels are compiled for in the test.
var architectures = []int{75, 80, 86, 89, 90, 100}

// generated is the text of the table.
var generated = NewDialect(nil)

// dims are the sizes of heads that every type and pair is tried with.
var dims = []int{40, 64, 72, 80, 96, 112, 128, 192, 256, 512, 576}

// TestCompileKernels compiles whole kernels to machine code. They are, for every type, size of head
// and architecture, what stores and reads a side, with the type on both sides of attention; what a
// matrix of each type needs; and what knows no type. With -combinations also attention of every
// pair. It needs NVRTC and no GPU, and about four hours of one core: see -workers, -share and
// -every.
func TestCompileKernels(t *testing.T) {
	f := newForge(t)
	var all []program
	for _, s := range frames(t) {
		all = append(all, program{s, ""})
	}
	for _, typ := range kernels.Default().Types() {
		for _, s := range matrixSources(t, typ) {
			all = append(all, program{s, ""})
		}
		for _, dim := range dims {
			if typ.Fits(dim) != nil {
				continue
			}
			for i, s := range sources(t, rows.Side{Type: typ, Dim: dim}) {
				all = append(all, program{s, fmt.Sprint(i)})
			}
			for _, value := range kernels.Default().Types() {
				if !*everyPair || value == typ || value.Fits(dim) != nil {
					continue
				}
				s, err := attend.Shape{Key: rows.Side{Type: typ, Dim: dim}, Value: rows.Side{Type: value, Dim: dim}}.Source(generated)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, program{s, ""})
			}
		}
	}
	f.compile(t, everywhere(all))
}

// mostShared is the shared memory that a block can have on some GPU, in bytes.
const mostShared = 227 << 10

// fitting is a rotation for the side, nil where none fits; n chooses.
func fitting(s rows.Side, n int) *kernels.Rotation {
	var all []*kernels.Rotation
	for _, r := range kernels.Default().Rotations() {
		if r.Fits(s.Dim, s.Type.Quantised) == nil {
			all = append(all, r)
		}
	}
	if all == nil {
		return nil
	}
	return all[n%len(all)]
}

// sources are the programs of a side, on both sides of a layer.
func sources(t *testing.T, s rows.Side) (all []*gpu.Source) {
	t.Helper()
	add := func(src *gpu.Source, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
	}
	turned := s
	turned.Rotation = fitting(s, s.Dim/8)
	for _, key := range []bool{true, false} {
		add(rows.StoreSource(generated, turned, key))
		add(rows.MoveSource(generated, s, key))
	}
	pair, half := rows.Pair{Key: s, Value: s}, rows.Side{Type: kernels.Default().ByName("f16"), Dim: s.Dim}
	exact := &rows.Pair{Key: half, Value: half}
	add(qkv.Source(generated, pair))
	add(rows.EvictSource(generated, pair, *exact))
	for i, a := range []attend.Shape{
		{},
		{Fast: true},
		{Exact: exact, Offset: &rope.Pairing{Pairs: s.Dim / 2}, SoftCap: true},
		{Offset: &rope.Pairing{Pairs: s.Dim / 4, Adjacent: true}, Warps: 8},
		{Fast: true, Paged: true},
		{Exact: exact, Offset: &rope.Pairing{Pairs: s.Dim / 2}, Paged: true},
	} {
		a.Key, a.Value = s, s
		if i == 1 || i == 4 {
			a.Key, a.Value = turned, turned
		}
		add(a.For([]int{1, 64, 2, 1, 1, 64}[i], 4).Source(generated))
		a.Fast, a.Paged = true, a.Paged && a.Offset == nil
		// Large heads have none.
		if prefill, err := a.PrefillSources(generated, mostShared); err == nil {
			all = append(all, prefill...)
		}
	}
	return all
}

// frames are programs of kernels that know no type, for sizes as models have them and for odd ones.
func frames(t *testing.T) (all []*gpu.Source) {
	t.Helper()
	for _, f := range []struct {
		name    string
		defines []gpu.Define
	}{
		{"scale", nil}, {"experts", nil},
		{"step", []gpu.Define{{Name: "WIDTH", Value: 2560}, {Name: "THREADS", Value: 640}}}, {"step", []gpu.Define{{Name: "WIDTH", Value: 100}, {Name: "THREADS", Value: 32}}},
		{"delta", []gpu.Define{{Name: "DIM", Value: 128}, {Name: "TAPS", Value: 4}}}, {"delta", []gpu.Define{{Name: "DIM", Value: 36}, {Name: "TAPS", Value: 1}}}, {"delta", []gpu.Define{{Name: "DIM", Value: engine.MostDelta}, {Name: "TAPS", Value: 64}}},
		{"inputs", []gpu.Define{{Name: "SIZE", Value: 256}}}, {"inputs", []gpu.Define{{Name: "SIZE", Value: 20}}},
	} {
		src, err := gpu.FrameSource(generated, f.name, f.defines...)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
	}
	for _, source := range []func() (*gpu.Source, error){
		func() (*gpu.Source, error) { return rope.Source(generated) }, func() (*gpu.Source, error) { return product.GemmSource(generated, true) }, func() (*gpu.Source, error) { return product.GemmSource(generated, false) },
	} {
		src, err := source()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
	}
	return all
}

func matrixSources(t *testing.T, typ *kernels.Type) (all []*gpu.Source) {
	t.Helper()
	src, err := product.MatrixSource(generated, typ)
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, src)
	for _, exact := range []bool{true, false} {
		src, err := product.Source(generated, typ, exact)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
		if product.Batches(typ, exact) {
			if src, err = product.BatchedSource(generated, typ); err != nil {
				t.Fatal(err)
			}
			all = append(all, src)
		}
	}
	return all
}
