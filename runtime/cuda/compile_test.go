package cuda

import (
	"fmt"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// architectures are those that kernels are compiled for in the test.
var architectures = []int{75, 80, 86, 89, 90, 100}

// dims are the sizes of heads that every type and pair is tried with.
var dims = []int{40, 64, 72, 80, 96, 112, 128, 192, 256, 512, 576}

// TestCompileKernels compiles whole kernels to machine code: for every type, size of head and architecture what stores and reads a side,
// with the type on both sides of attention; what a matrix of each type needs; and what knows no type. With -combinations also attention of
// every pair. It needs NVRTC and no GPU, and about four hours of one core: see -workers, -share and -every.
func TestCompileKernels(t *testing.T) {
	f := newForge(t)
	var all []program
	for _, s := range frames(t) {
		all = append(all, program{s, ""})
	}
	for _, typ := range kernels.Types() {
		for _, s := range matrixSources(t, typ) {
			all = append(all, program{s, ""})
		}
		for _, dim := range dims {
			if typ.Fits(dim) != nil {
				continue
			}
			for i, s := range sources(t, Side{Type: typ, Dim: dim}) {
				all = append(all, program{s, fmt.Sprint(i)})
			}
			for _, value := range kernels.Types() {
				if !*everyPair || value == typ || value.Fits(dim) != nil {
					continue
				}
				s, err := Attention{Key: Side{Type: typ, Dim: dim}, Value: Side{Type: value, Dim: dim}}.Source(Generated)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, program{s, ""})
			}
		}
	}
	f.compile(t, everywhere(all))
}

// fitting is a rotation for the side, nil where none fits; n chooses.
func fitting(s Side, n int) *kernels.Rotation {
	var all []*kernels.Rotation
	for _, r := range kernels.Rotations() {
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
func sources(t *testing.T, s Side) (all []*Source) {
	t.Helper()
	add := func(src *Source, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
	}
	turned := s
	turned.Rotation = fitting(s, s.Dim/8)
	for _, key := range []bool{true, false} {
		add(StoreSource(turned, key, Generated))
		add(MoveSource(s, key, Generated))
	}
	pair, half := Pair{s, s}, Side{Type: kernels.ByName("f16"), Dim: s.Dim}
	exact := &Pair{half, half}
	add(HeadsSource(pair, Generated))
	add(TakeSource(pair, *exact, Generated))
	for i, a := range []Attention{
		{},
		{Fast: true},
		{Exact: exact, Offset: &Pairing{Pairs: s.Dim / 2}, SoftCap: true},
		{Offset: &Pairing{Pairs: s.Dim / 4, Adjacent: true}, Warps: 8},
		{Fast: true, Paged: true},
		{Exact: exact, Offset: &Pairing{Pairs: s.Dim / 2}, Paged: true},
	} {
		a.Key, a.Value = s, s
		if i == 1 || i == 4 {
			a.Key, a.Value = turned, turned
		}
		add(a.For([]int{1, 64, 2, 1, 1, 64}[i], 4).Source(Generated))
	}
	return all
}

// frames are programs of kernels that know no type, for sizes as models have them and for odd ones.
func frames(t *testing.T) (all []*Source) {
	t.Helper()
	for _, f := range []struct {
		name    string
		defines []define
	}{
		{"scale.cu", nil}, {"experts.cu", nil},
		{"step.cu", []define{{"WIDTH", 2560}, {"THREADS", 640}}}, {"step.cu", []define{{"WIDTH", 100}, {"THREADS", 32}}},
		{"delta.cu", []define{{"DIM", 128}, {"TAPS", 4}}}, {"delta.cu", []define{{"DIM", 36}, {"TAPS", 1}}}, {"delta.cu", []define{{"DIM", mostDelta}, {"TAPS", 64}}},
		{"inputs.cu", []define{{"SIZE", 256}}}, {"inputs.cu", []define{{"SIZE", 20}}},
	} {
		src, err := frameSource(Generated, f.name, f.defines...)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
	}
	for _, source := range []func() (*Source, error){
		func() (*Source, error) { return TurnsSource(Generated) }, func() (*Source, error) { return GemmSource(true) }, func() (*Source, error) { return GemmSource(false) },
	} {
		src, err := source()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
	}
	return all
}

func matrixSources(t *testing.T, typ *kernels.Type) (all []*Source) {
	t.Helper()
	src, err := MatrixSource(typ, Generated)
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, src)
	for _, exact := range []bool{true, false} {
		src, err := ProductSource(typ, exact, Generated)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
	}
	return all
}
