package kernels_test

import (
	"math"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// TestMix counts rows up to and just beyond whole tiles of 64, where one left over is easily lost.
func TestMix(t *testing.T) {
	has := func(i *kernels.Impl) bool { return i.Mix != nil }
	forEachImpl(t, has, func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		var ws kernels.Workspace
		shapes := append(products(typ.Block), product{1, 65, typ.Block, 0}, product{3, 129, typ.Block, 1}, product{4, 64, typ.Block, 0})
		for _, p := range shapes {
			checkMix(t, impl, p, makeWeights(t, typ, p), noise(p.m*p.rows, 31, .5), &ws)
		}
	})
}

// checkMix adds weighted rows once and compares with the sums in float64.
func checkMix(t *testing.T, impl *kernels.Impl, p product, v weights, probs []float32, ws *kernels.Workspace) {
	t.Helper()
	ldp, ldo := p.rows+p.slack, p.n+p.slack
	spreadP := spread(probs, p.rows, ldp)
	o, fences := sevens(max(0, p.m*ldo-p.slack))
	keptP, keptV := frozen(spreadP), frozenBytes(v.packed)
	impl.Mix(o, ldo, spreadP, ldp, p.m, v.packed, v.stride, p.rows, p.n, ws)
	fences(t)
	keptP(t)
	keptV(t)
	if err := untouched(o, p.n, ldo); err != nil {
		t.Fatalf("%v: %v", p, err)
	}
	for j := range p.m {
		for i := range p.n {
			want, size := 7.0, 7.0 // the sum is added to what was there
			for r := range p.rows {
				term := float64(probs[j*p.rows+r]) * float64(v.values[r*p.n+i])
				want += term
				size += math.Abs(term)
			}
			if err := near(o[j*ldo+i], want, size, p.rows+1); err != nil {
				t.Fatalf("%v: o[%d][%d] is %v", p, j, i, err)
			}
		}
	}
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
func TestMixQ8(t *testing.T) {
	forEachImpl(t, hasMixQ8(t), func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		var ws kernels.Workspace
		shapes := append(products(typ.Block), product{7, 64, 2 * typ.Block, 1}, product{3, 65, typ.Block, 0}, product{4, 200, typ.Block, 2})
		for _, p := range shapes {
			checkMixQ8(t, typ, impl, p, makeWeights(t, typ, p), noise(p.m*p.rows, 31, .5), &ws)
		}
	})
}

// checkMixQ8 is checkMix with a bound for rounded levels and weights.
func checkMixQ8(t *testing.T, typ *kernels.Type, impl *kernels.Impl, p product, v weights, probs []float32, ws *kernels.Workspace) {
	t.Helper()
	ldp, ldo := p.rows+p.slack, p.n+p.slack
	spreadP := spread(probs, p.rows, ldp)
	o, fences := sevens(max(0, p.m*ldo-p.slack))
	keptP, keptV := frozen(spreadP), frozenBytes(v.packed)
	impl.MixQ8(o, ldo, spreadP, ldp, p.m, v.packed, v.stride, p.rows, p.n, ws)
	fences(t)
	keptP(t)
	keptV(t)
	if err := untouched(o, p.n, ldo); err != nil {
		t.Fatalf("%v: %v", p, err)
	}
	book := specOf(t, typ.Name).Codebook
	rounded8 := book != nil && !book.Int8 // levels, by up to half a step, 1/128 of the largest
	for j := range p.m {
		row := probs[j*p.rows:][:p.rows]
		// A weight is moved by up to half a step; all moved the same way are far beyond what
		// happens.
		bound := float64(p.rows) / 65534 * float64(largest(row)) * float64(largest(v.values))
		for r, w := range row {
			size := math.Abs(float64(w)) * float64(largest(v.values[r*p.n:][:p.n]))
			bound += 4 * 0x1p-23 * size * math.Sqrt(float64(p.rows+1))
			if rounded8 {
				bound += size / 128
			}
		}
		for i := range p.n {
			want := 7.0
			for r, w := range row {
				want += float64(w) * float64(v.values[r*p.n+i])
			}
			if err := within(o[j*ldo+i], want, bound+4*0x1p-23*7); err != nil {
				t.Fatalf("%v: o[%d][%d] is %v", p, j, i, err)
			}
		}
	}
}

// TestMixQ8Poison checks that weights which are no numbers reach the sums of their row of o and of
// no other.
func TestMixQ8Poison(t *testing.T) {
	forEachImpl(t, hasMixQ8(t), func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		p := product{m: 3, rows: 70, n: (127/typ.Block + 1) * typ.Block}
		v, ws := makeWeights(t, typ, p), kernels.Workspace{}
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
			for _, at := range []int{0, 63, 69} {
				probs, o := noise(p.m*p.rows, 3, .5), make([]float32, p.m*p.n)
				probs[p.rows+at] = bad
				impl.MixQ8(o, p.n, probs, p.rows, p.m, v.packed, v.stride, p.rows, p.n, &ws)
				for k, x := range o {
					if poisoned := k/p.n == 1; (x-x == 0) == poisoned {
						t.Fatalf("weight %d of row 1 is %g: o[%d][%d] is %g", at, bad, k/p.n, k%p.n, x)
					}
				}
				probs[p.rows+at] = 0
				clear(o)
				impl.MixQ8(o, p.n, probs, p.rows, p.m, v.packed, v.stride, p.rows-5, p.n, &ws)
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
				if !poisoned && largest(row) > 1e30 {
					continue
				}
				if isFinite := v-v == 0; isFinite == poisoned {
					t.Errorf("%g stored: row %d decodes finite %t, but scores %g", bad, k%rows, !poisoned, v)
				}
			}
		}
	})
}
