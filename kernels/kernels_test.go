package kernels_test

import (
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels"
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

// oracles are what a type is compared with: the interpreter of its spec, and the hand-written
// format if there is one.
func oracles(t *testing.T, typ *kernels.Type) map[string]ref.Format {
	t.Helper()
	all := map[string]ref.Format{"interpreter": interp.Format(specOf(t, typ.Name))}
	if byHand, ok := ref.ByName(typ.Name); ok {
		all["format by hand"] = byHand
	}
	return all
}

// noise returns n values of a bell shape around 0 with the given spread, the same for the same
// seed.
func noise(n int, seed uint64, spread float32) []float32 {
	x := make([]float32, n)
	for _, part := range [][]float32{ref.LCG(n, seed, spread), ref.LCG(n, seed+1000, spread), ref.LCG(n, seed+2000, spread)} {
		for i, v := range part {
			x[i] += v
		}
	}
	return x
}

// packed returns a row of n values of the type, decoded too: encoded noise, or, for a type that is
// only read, bytes that decode to finite values.
func packed(t *testing.T, typ *kernels.Type, n int, seed uint64) (row []byte, values []float32) {
	t.Helper()
	f := interp.Format(specOf(t, typ.Name))
	row, values = make([]byte, f.RowBytes(n)), make([]float32, n)
	if f.Encode != nil {
		f.Encode(row, noise(n, seed, 1))
		f.Decode(values, row)
		return row, values
	}
	random := randomBytes(1<<16, seed)
	for k := range n / f.Block {
		block, y := row[k*f.Bytes:][:f.Bytes], values[k*f.Block:][:f.Block]
		for at := 0; ; at++ {
			if at+f.Bytes > len(random) {
				t.Fatalf("%s: no random block decodes to finite values", typ.Name)
			}
			copy(block, random[at:])
			if f.Decode(y, block); finite(y) {
				random = random[at+f.Bytes:]
				break
			}
		}
	}
	return row, values
}

func finite(x []float32) bool {
	for _, v := range x {
		if math.Abs(float64(v)) > 1e6 || v != v {
			return false
		}
	}
	return true
}

func randomBytes(n int, seed uint64) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*6364136223846793005 + 1442695040888963407
		b[i] = byte(seed >> 56)
	}
	return b
}

// sameFloats reports the first value whose bits differ. One NaN is as good as another.
func sameFloats(got, want []float32) error {
	for i, v := range got {
		if math.Float32bits(v) != math.Float32bits(want[i]) && (v == v || want[i] == want[i]) {
			return fmt.Errorf("value %d is %g (%08x), want %g (%08x)", i, v, math.Float32bits(v), want[i], math.Float32bits(want[i]))
		}
	}
	return nil
}
