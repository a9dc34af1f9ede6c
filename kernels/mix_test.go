package kernels_test

import (
	"math"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
)

// TestMix counts rows up to and just beyond whole tiles of 64, where one left over is easily lost.
func TestMix(t *testing.T) {
	conforms(t, "Mix", func(i *kernels.Impl) bool { return i.Mix != nil })
}

// hasMixQ8 selects what there is only in assembly: in portable Go, rounding weights would gain
// nothing.
func hasMixQ8(t *testing.T) func(*kernels.Impl) bool {
	if len(kernels.Default().ISAs()) == 1 {
		t.Skip("this build has portable Go alone, which has no MixQ8")
	}
	return func(i *kernels.Impl) bool { return i.MixQ8 != nil }
}

// TestMixQ8 counts rows beyond what shares the scale of its weights, and rows of several blocks.
func TestMixQ8(t *testing.T) { conforms(t, "MixQ8", hasMixQ8(t)) }

// TestMixQ8Poison checks that weights which are no numbers reach the sums of their row of o and of
// no other.
func TestMixQ8Poison(t *testing.T) {
	forEachImpl(t, hasMixQ8(t), func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		const m, rows = 3, 70
		n := (127/typ.Block + 1) * typ.Block
		v, _ := packed(t, typ, rows*n, uint64(n))
		stride, ws := typ.RowBytes(n), kernels.Workspace{}
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
			for _, at := range []int{0, 63, 69} {
				probs, o := noise(m*rows, 3, .5), make([]float32, m*n)
				probs[rows+at] = bad
				impl.MixQ8(o, n, probs, rows, m, v, stride, rows, n, &ws)
				for k, x := range o {
					if poisoned := k/n == 1; (x-x == 0) == poisoned {
						t.Fatalf("weight %d of row 1 is %g: o[%d][%d] is %g", at, bad, k/n, k%n, x)
					}
				}
				probs[rows+at] = 0
				clear(o)
				impl.MixQ8(o, n, probs, rows, m, v, stride, rows-5, n, &ws)
				if !finite(o) {
					t.Fatalf("weight %d was %g in the call before: what it left in the workspace reaches the sums", at, bad)
				}
			}
		}
	})
}

// TestPoison checks that a NaN in a row reaches the results of that row and of no other, and that
// an infinite weight does not become a number.
func TestPoison(t *testing.T) {
	has := func(i *kernels.Impl) bool { return i.Encode != nil && i.Matmul != nil }
	forEachImpl(t, has, func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			const rows, m = 7, 5
			n := max(typ.Block, 64/typ.Block*typ.Block)
			x := noise(rows*n, 41, 1)
			x[3*n+1] = bad
			w, values := make([]byte, typ.RowBytes(rows*n)), make([]float32, rows*n)
			impl.Encode(w, x)
			impl.Decode(values, w)
			y := make([]float32, m*rows)
			impl.Matmul(y, rows, noise(m*n, 42, 1), n, m, w, typ.RowBytes(n), rows, n, &kernels.Workspace{})
			for k, v := range y {
				row := values[k%rows*n:][:n]
				poisoned := slices.ContainsFunc(row, func(v float32) bool { return v-v != 0 })
				// what it is multiplied with may take it out of f32
				if !poisoned && conform.Largest(row) > 1e30 {
					continue
				}
				if isFinite := v-v == 0; isFinite == poisoned {
					t.Errorf("%g stored: row %d decodes finite %t, but scores %g", bad, k%rows, !poisoned, v)
				}
			}
		}
	})
}
