package kernels_test

import (
	"testing"

	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/kernels/ref"
)

// TestTable compares every row with the spec and with the contracts of the table.
func TestTable(t *testing.T) {
	set := loadSpec(t)
	types := kernels.Default().Types()
	if len(types) != len(set.Types) {
		t.Fatalf("%d types in the table and %d in the spec", len(types), len(set.Types))
	}
	for k, want := range set.Types {
		got := types[k]
		t.Run(want.Name, func(t *testing.T) {
			if got.Name != want.Name || got.ID != want.ID || got.Identity != want.Identity || got.Block != want.Block ||
				got.Bytes != want.Bytes || got.KV != want.KV || got.Weight != want.Weight || got.Pad != want.Pad ||
				got.Quantised != want.Quantised || got.CompatibleWith != want.Compatible || got.Summary != want.Summary {
				t.Errorf("the row %+v does not repeat the spec", got)
			}
			if kernels.Default().ByName(want.Name) != got || want.ID >= 0 && kernels.Default().ByID(want.ID) != got {
				t.Error("not found by name and number")
			}
			if (want.Domain == nil) != (got.Domain == nil) || got.Domain != nil && got.Domain.Name != want.Domain.Name {
				t.Errorf("domain %v", got.Domain)
			}
			for _, impl := range got.Impls {
				if (impl.Encode != nil) != (want.Encode != nil) || impl.Decode == nil || impl.Matmul == nil ||
					(impl.MatmulQ8 != nil) != (got.ActGroup > 0) || (impl.Mix != nil) != want.KV {
					t.Errorf("%s has not the kernels that its spec calls for", impl.ISA)
				}
			}
			if last := got.Impls[len(got.Impls)-1]; last.ISA != "generic" {
				t.Errorf("the last implementation is %s", last.ISA)
			}
		})
	}
	if kernels.Default().ByName("") != nil || kernels.Default().ByID(-1) != nil {
		t.Error("found a type that does not exist")
	}
}

// TestGuards evaluates every guard for every size of head beside the interpreter.
func TestGuards(t *testing.T) {
	set := loadSpec(t)
	for k, want := range set.Types {
		typ := kernels.Default().Types()[k]
		for n := -1; n <= 640; n++ {
			fits := n > 0 && want.KV && (want.Pad || n%want.Block == 0) &&
				(want.Guard == nil || interp.Holds(want.Guard, n, want.Quantised))
			if err := typ.Fits(n); (err == nil) != fits {
				t.Fatalf("%s, head_dim %d: %v", typ.Name, n, err)
			}
			if fits && typ.HeadDim(n) < n {
				t.Fatalf("%s stores %d of %d values", typ.Name, typ.HeadDim(n), n)
			}
		}
	}
	for k, want := range set.Rotations {
		r := kernels.Default().Rotations()[k]
		if kernels.Default().RotationByName(want.Name) != r {
			t.Errorf("rotation %s is not found by its name", want.Name)
		}
		for n := -1; n <= 640; n++ {
			for _, quantised := range []bool{false, true} {
				fits := n > 0 && n%want.Tile.Size == 0 && (want.Guard == nil || interp.Holds(want.Guard, n, quantised))
				if err := r.Fits(n, quantised); (err == nil) != fits {
					t.Fatalf("%s, head_dim %d, quantised %t: %v", r.Name, n, quantised, err)
				}
			}
		}
	}
}

// TestTransforms compares both directions bit for bit with the oracle, over one to three runs and
// hard values.
func TestTransforms(t *testing.T) {
	set := loadSpec(t)
	for k, want := range set.Transforms {
		typ := kernels.Default().Transforms()[k]
		if kernels.Default().TransformByName(want.Name) != typ || typ.Size != want.Size {
			t.Errorf("transform %s is not found under its name", want.Name)
		}
		oracle := ref.Transform{Size: want.Size, Left: want.Left, Right: want.Right}
		for _, impl := range typ.Impls {
			t.Run(want.Name+"/"+impl.ISA, func(t *testing.T) {
				for runs := range 4 {
					for _, in := range conform.Hard(runs*want.Size, want.Size) {
						forward, inverse := append([]float32{}, in.Values...), append([]float32{}, in.Values...)
						oracle.Forward(forward)
						oracle.Inverse(inverse)
						got, fences := guardedFloats(len(in.Values), runs)
						copy(got, in.Values)
						impl.Forward(got)
						fences(t)
						if err := sameFloats(got, forward); err != nil {
							t.Fatalf("forward, %s: %v", in.Name, err)
						}
						copy(got, in.Values)
						impl.Inverse(got)
						fences(t)
						if err := sameFloats(got, inverse); err != nil {
							t.Fatalf("inverse, %s: %v", in.Name, err)
						}
					}
				}
			})
		}
	}
}
