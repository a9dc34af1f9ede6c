package kernels_test

import (
	"sync"
	"testing"

	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/abi"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/kernels/ref"
	shipped "github.com/kvgen/kvgen/kernels/spec"
)

// The conformance suite knows no type by name. It takes the table for the list of types and the
// spec folder beside it for their meaning, so that it holds for a type that was added a minute ago.

// forEachImpl runs f for every type under every implementation that has the wanted function.
func forEachImpl(t *testing.T, has func(*kernels.Impl) bool, f func(t *testing.T, typ *kernels.Type, impl *kernels.Impl)) {
	t.Helper()
	ran := 0
	for _, typ := range kernels.Default().Types() {
		for k := range typ.Impls {
			impl := &typ.Impls[k]
			if !has(impl) {
				continue
			}
			ran++
			t.Run(typ.Name+"/"+impl.ISA, func(t *testing.T) { f(t, typ, impl) })
		}
	}
	if ran > 0 {
		return
	}
	for _, f := range ref.Formats() {
		if kernels.Default().ByName(f.Name) != nil {
			t.Fatal("no implementation was tested")
		}
	}
	t.Skip("no type of this spec has such a kernel")
}

// declared are the declarations that the table was generated from.
var declared = sync.OnceValues(func() (*spec.Set, error) { return spec.Load(shipped.Files) })

func loadSpec(t *testing.T) *spec.Set {
	t.Helper()
	set, err := declared()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// specOf is the declaration of one type.
func specOf(t *testing.T, name string) *spec.Type {
	t.Helper()
	for _, typ := range loadSpec(t).Types {
		if typ.Name == name {
			return typ
		}
	}
	t.Fatalf("%s is in the table and not in the spec", name)
	return nil
}

// subjectOf is a type with what it is compared with: the interpreter of its spec, and the format
// written by hand if there is one.
func subjectOf(t *testing.T, typ *kernels.Type) *conform.Subject {
	t.Helper()
	declared := specOf(t, typ.Name)
	s := &conform.Subject{Type: typ, Round: kernels.Default().QuantiseAct, Rounded: declared.Codebook != nil && !declared.Codebook.Int8}
	s.Oracles = append(s.Oracles, conform.Oracle{Name: "interpreter", Format: interp.Format(declared)})
	if byHand, ok := ref.ByName(typ.Name); ok {
		s.Oracles = append(s.Oracles, conform.Oracle{Name: "format by hand", Format: byHand})
	}
	return s
}

// conforms runs the whole check of a kernel for every type and implementation that has it.
func conforms(t *testing.T, field string, has func(*kernels.Impl) bool) {
	t.Helper()
	kind, ok := abi.KindOf(field)
	if !ok {
		t.Fatalf("there is no kernel %s", field)
	}
	forEachImpl(t, has, func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		if err := subjectOf(t, typ).Check(impl, kind, true); err != nil {
			t.Fatal(err)
		}
	})
}

// noise returns n values of a bell shape around 0 with the given spread, the same for the same
// seed.
func noise(n int, seed uint64, spread float32) []float32 { return conform.Noise(n, seed, spread) }

// packed returns a row of n values of the type, decoded too: encoded noise, or, for a type that is
// only read, bytes that decode to finite values.
func packed(t *testing.T, typ *kernels.Type, n int, seed uint64) (row []byte, values []float32) {
	t.Helper()
	row, values, err := conform.Packed(interp.Format(specOf(t, typ.Name)), n, seed)
	if err != nil {
		t.Fatal(err)
	}
	return row, values
}

func finite(x []float32) bool { return conform.Finite(x) }

func randomBytes(n int, seed uint64) []byte { return conform.RandomBytes(n, seed) }

// sameFloats reports the first value whose bits differ. One NaN is as good as another.
func sameFloats(got, want []float32) error { return conform.SameFloats(got, want) }
