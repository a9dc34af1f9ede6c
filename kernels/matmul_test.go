package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/ref"
)

// A product is one call of a computing kernel.
type product struct {
	m, rows, n int
	slack      int // bytes between packed rows, and floats between the rows of the other operands
}

func (p product) String() string {
	return fmt.Sprintf("m=%d rows=%d n=%d slack=%d", p.m, p.rows, p.n, p.slack)
}

// products are the shapes tested for rows of whole blocks of unit values. They have every m and
// every count of rows that a tile or the rest of one may have, lengths that are and are not whole
// vectors, and rows that do and do not touch.
func products(unit int) []product {
	n := unit
	for n < 64 {
		n += unit
	}
	var all []product
	for m := 1; m <= 17; m++ {
		all = append(all, product{m, 5, n, m % 3})
	}
	for rows := range 10 {
		all = append(all, product{1, rows, n, rows % 2}, product{4, rows, n, 3}, product{3, rows, 2 * n, 0})
	}
	for blocks := 1; blocks <= 5; blocks++ {
		all = append(all, product{2, 3, blocks * unit, 1}, product{5, 2, blocks * unit, 0}, product{1, 5, (blocks + 4) * unit, 2})
	}
	if unit == 1 {
		for _, n := range []int{7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127} {
			all = append(all, product{2, 3, n, 1})
		}
	}
	return append(all, product{0, 3, n, 0}, product{6, 33, 4 * n, 2}, product{2, 9, (2600/n + 1) * n, 0})
}

// weights are the packed rows of a product, rowBytes+slack apart, and their values without gaps.
type weights struct {
	packed []byte
	stride int
	values []float32
}

func makeWeights(t *testing.T, typ *kernels.Type, p product) weights {
	t.Helper()
	w := weights{stride: typ.RowBytes(p.n) + p.slack}
	all, values := packed(t, typ, p.rows*p.n, uint64(p.n))
	w.values = values
	size := max(0, p.rows*w.stride-p.slack)
	w.packed, _ = guarded(size, p.slack)
	for r := range p.rows {
		copy(w.packed[r*w.stride:], all[r*typ.RowBytes(p.n):][:typ.RowBytes(p.n)])
	}
	return w
}

// spread lays out rows of n values ld apart.
func spread(x []float32, n, ld int) []float32 {
	rows := len(x) / max(n, 1)
	y, _ := guardedFloats(max(0, rows*ld-(ld-n)), 1)
	for r := range rows {
		copy(y[r*ld:], x[r*n:][:n])
	}
	return y
}

// untouched reports a write between the rows of y, which began as all 7.
func untouched(y []float32, n, ld int) error {
	for i, v := range y {
		if i%ld >= n && v != 7 {
			return fmt.Errorf("value %d of row %d, of which %d belong to it, was written", i%ld, i/ld, n)
		}
	}
	return nil
}

func sevens(n int) (y []float32, check func(*testing.T)) {
	y, check = guardedFloats(n, 3)
	for i := range y {
		y[i] = 7
	}
	return y, check
}

// near reports a result that is farther from want than the kernels promise: 4 ulp of the sum of
// magnitudes, times the root of the number of terms.
func near(got float32, want, magnitude float64, terms int) error {
	return within(got, want, 4*0x1p-23*magnitude*math.Sqrt(float64(terms)))
}

// within compares with a bound. Where the sum leaves f32, or where it is no number, so is what the
// kernel gives.
func within(got float32, want, bound float64) error {
	switch {
	case want != want:
		if got == got {
			return fmt.Errorf("%g, want NaN", got)
		}
		return nil
	case math.IsInf(want, 0):
		if float64(got) != want {
			return fmt.Errorf("%g, want %g", got, want)
		}
		return nil
	case math.Abs(want)+bound > math.MaxFloat32 && math.IsInf(float64(got), int(math.Copysign(1, want))):
		return nil
	}
	if d := math.Abs(float64(got) - want); !(d <= bound+1e-38) {
		return fmt.Errorf("%g, want %g: off by %.3g where %.3g is allowed", got, want, d, bound)
	}
	return nil
}

func TestMatmul(t *testing.T) {
	has := func(i *kernels.Impl) bool { return i.Matmul != nil }
	forEachImpl(t, has, func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		var ws kernels.Workspace
		for _, p := range products(typ.Block) {
			checkMatmul(t, impl, p, makeWeights(t, typ, p), noise(p.m*p.n, 21, 1), &ws)
		}
	})
}

// checkMatmul multiplies once and compares with the product in float64.
func checkMatmul(t *testing.T, impl *kernels.Impl, p product, w weights, x []float32, ws *kernels.Workspace) {
	t.Helper()
	ldx, ldy := p.n+p.slack, p.rows+p.slack
	spreadX := spread(x, p.n, ldx)
	y, fences := sevens(max(0, p.m*ldy-p.slack))
	keptX, keptW := frozen(spreadX), frozenBytes(w.packed)
	impl.Matmul(y, ldy, spreadX, ldx, p.m, w.packed, w.stride, p.rows, p.n, ws)
	fences(t)
	keptX(t)
	keptW(t)
	if err := untouched(y, p.rows, max(ldy, 1)); err != nil {
		t.Fatalf("%v: %v", p, err)
	}
	compare(t, p, y, ldy, x, w.values)
}

// compare holds y to the product of x and w in float64.
func compare(t *testing.T, p product, y []float32, ldy int, x, w []float32) {
	t.Helper()
	want := ref.Matmul(x, w, p.m, p.rows, p.n)
	size := ref.Matmul(magnitudes(x), magnitudes(w), p.m, p.rows, p.n)
	for j := range p.m {
		for r := range p.rows {
			if err := near(y[j*ldy+r], want[j*p.rows+r], size[j*p.rows+r], p.n); err != nil {
				t.Fatalf("%v: y[%d][%d] is %v", p, j, r, err)
			}
		}
	}
}

func magnitudes(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(math.Abs(float64(v)))
	}
	return y
}

func TestMatmulQ8(t *testing.T) {
	has := func(i *kernels.Impl) bool { return i.MatmulQ8 != nil }
	forEachImpl(t, has, func(t *testing.T, typ *kernels.Type, impl *kernels.Impl) {
		var ws kernels.Workspace
		for _, p := range products(q8Unit(typ)) {
			checkMatmulQ8(t, typ, impl, p, makeWeights(t, typ, p), noise(p.m*p.n, 22, 1), &ws)
		}
	})
}

// q8Unit is the shortest row that is whole blocks and whole groups of activations.
func q8Unit(typ *kernels.Type) int {
	unit := typ.Block
	for unit%typ.ActGroup != 0 {
		unit += typ.Block
	}
	return unit
}

// checkMatmulQ8 is checkMatmul for rounded activations.
func checkMatmulQ8(t *testing.T, typ *kernels.Type, impl *kernels.Impl, p product, w weights, x []float32, ws *kernels.Workspace) {
	t.Helper()
	var act kernels.Act
	act.Resize(p.m, p.n, typ.ActGroup)
	kernels.Default().QuantiseAct(&act, x, p.n, p.m)
	ldy := p.rows + p.slack
	y, fences := sevens(max(0, p.m*ldy-p.slack))
	keptW, keptD := frozenBytes(w.packed), frozen(act.D)
	impl.MatmulQ8(y, ldy, &act, p.m, w.packed, w.stride, p.rows, p.n, ws)
	fences(t)
	keptW(t)
	keptD(t)
	if err := untouched(y, p.rows, max(ldy, 1)); err != nil {
		t.Fatalf("%v: %v", p, err)
	}
	book := specOf(t, typ.Name).Codebook
	rounded8 := book != nil && !book.Int8 // by up to half a step, 1/128 of the largest level
	// a quant may be halved, which moves it by up to 1; 6 deviations of the sum
	halved := typ.ActGroup > 32
	// Codes are summed before offsets are taken off them, so the bound counts the largest weight
	// for each.
	rounded := roundedRows(x, p.n, typ.ActGroup)
	want := ref.Matmul(rounded, w.values, p.m, p.rows, p.n)
	for j := range p.m {
		for r := range p.rows {
			var size float64
			for _, v := range magnitudes(rounded[j*p.n:][:p.n]) {
				size += float64(v)
			}
			size *= float64(largest(w.values[r*p.n:][:p.n]))
			bound := 4 * 0x1p-23 * size * math.Sqrt(float64(p.n))
			if rounded8 {
				bound += size / 128
			}
			if halved {
				step := float64(largest(x[j*p.n:][:p.n])) / 127
				bound += 6 / math.Sqrt(3) * step * norm(w.values[r*p.n:][:p.n])
			}
			if err := within(y[j*ldy+r], want[j*p.rows+r], bound); err != nil {
				t.Fatalf("%v: y[%d][%d] is %v", p, j, r, err)
			}
		}
	}
}

// roundedRows is what an Act of x stands for: the nearest multiples of a group's largest magnitude
// over 127.
func roundedRows(x []float32, n, group int) []float32 {
	y := make([]float32, len(x))
	for g := 0; g < len(x); g += group {
		most := largest(x[g : g+group])
		for i, v := range x[g : g+group] {
			if most > 0 {
				y[g+i] = float32(math.RoundToEven(float64(v*(127/most)))) * (most / 127)
			}
		}
	}
	return y
}

func largest(x []float32) (most float32) {
	for _, v := range magnitudes(x) {
		most = max(most, v)
	}
	return most
}

// norm is the Euclidean length.
func norm(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}
