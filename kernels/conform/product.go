package conform

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/ref"
)

// A Product is the shape of one call of a computing kernel.
type Product struct {
	M, Rows, N int
	Slack      int // bytes between packed rows, and floats between the rows of the other operands
}

func (p Product) String() string {
	return fmt.Sprintf("m=%d rows=%d n=%d slack=%d", p.M, p.Rows, p.N, p.Slack)
}

// products are the shapes tested for rows of whole blocks of unit values. They have every m and
// every count of rows that a tile or the rest of one may have, lengths that are and are not whole
// vectors, and rows that do and do not touch.
func products(unit int, whole bool) []Product {
	n := unit
	for n < 64 {
		n += unit
	}
	if !whole {
		return []Product{{1, 1, n, 0}, {1, 9, n, 1}, {2, 3, unit, 1}, {4, 5, 2 * n, 3}, {7, 2, 3 * unit, 2}, {9, 17, n, 0}, {17, 5, n, 2}, {0, 3, n, 0}}
	}
	var all []Product
	for m := 1; m <= 17; m++ {
		all = append(all, Product{m, 5, n, m % 3})
	}
	for rows := range 10 {
		all = append(all, Product{1, rows, n, rows % 2}, Product{4, rows, n, 3}, Product{3, rows, 2 * n, 0})
	}
	for blocks := 1; blocks <= 5; blocks++ {
		all = append(all, Product{2, 3, blocks * unit, 1}, Product{5, 2, blocks * unit, 0}, Product{1, 5, (blocks + 4) * unit, 2})
	}
	if unit == 1 {
		for _, n := range []int{7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127} {
			all = append(all, Product{2, 3, n, 1})
		}
	}
	return append(all, Product{0, 3, n, 0}, Product{6, 33, 4 * n, 2}, Product{2, 9, (2600/n + 1) * n, 0})
}

// Weights are the packed rows of a product, row bytes and slack apart, and their values without
// gaps.
type Weights struct {
	Packed []byte
	Stride int
	Values []float32
}

// Weights makes rows for a product by the first oracle.
func (s *Subject) Weights(p Product) (Weights, error) {
	w := Weights{Stride: s.Type.RowBytes(p.N) + p.Slack}
	all, values, err := Packed(s.Oracles[0].Format, p.Rows*p.N, uint64(p.N))
	if err != nil {
		return w, err
	}
	w.Values = values
	w.Packed, _ = Guarded(max(0, p.Rows*w.Stride-p.Slack), p.Slack)
	for r := range p.Rows {
		copy(w.Packed[r*w.Stride:], all[r*s.Type.RowBytes(p.N):][:s.Type.RowBytes(p.N)])
	}
	return w, nil
}

// spread lays out rows of n values ld apart.
func spread(x []float32, n, ld int) []float32 {
	rows := len(x) / max(n, 1)
	y, _ := GuardedFloats(max(0, rows*ld-(ld-n)), 1)
	for r := range rows {
		copy(y[r*ld:], x[r*n:][:n])
	}
	return y
}

// untouched returns a Wrong for a write between the rows of y, which began as all 7.
func untouched(y []float32, n, ld int) error {
	for i, v := range y {
		if i%ld >= n && v != 7 {
			return &Wrong{Place: fmt.Sprintf("value %d of row %d, of which %d belong to it", i%ld, i/ld, n), Expected: "not written", Got: exactly(v)}
		}
	}
	return nil
}

func sevens(n int) (y []float32, check func() error) {
	y, check = GuardedFloats(n, 3)
	for i := range y {
		y[i] = 7
	}
	return y, check
}

// Matmul multiplies once, x being [M][N] without gaps, and compares with the product in float64.
func (s *Subject) Matmul(impl *kernels.Impl, p Product, w Weights, x []float32, ws *kernels.Workspace) error {
	ldx, ldy := p.N+p.Slack, p.Rows+p.Slack
	spreadX := spread(x, p.N, ldx)
	y, fences := sevens(max(0, p.M*ldy-p.Slack))
	keptX, keptW := Frozen(spreadX), FrozenBytes(w.Packed)
	impl.Matmul(y, ldy, spreadX, ldx, p.M, w.Packed, w.Stride, p.Rows, p.N, ws)
	if err := first(fences(), keptX(), keptW(), untouched(y, p.Rows, max(ldy, 1))); err != nil {
		return at(err, "%v", p)
	}
	want := ref.Matmul(x, w.Values, p.M, p.Rows, p.N)
	size := ref.Matmul(magnitudes(x), magnitudes(w.Values), p.M, p.Rows, p.N)
	for j := range p.M {
		for r := range p.Rows {
			if err := near(y[j*ldy+r], want[j*p.Rows+r], size[j*p.Rows+r], p.N); err != nil {
				return at(err, "%v: y[%d][%d]", p, j, r)
			}
		}
	}
	return nil
}

// Q8Unit is the shortest row that is whole blocks and whole groups of activations.
func Q8Unit(typ *kernels.Type) int {
	unit := typ.Block
	for unit%typ.ActGroup != 0 {
		unit += typ.Block
	}
	return unit
}

// MatmulQ8 is Matmul for rounded activations.
func (s *Subject) MatmulQ8(impl *kernels.Impl, p Product, w Weights, x []float32, ws *kernels.Workspace) error {
	var act kernels.Act
	act.Resize(p.M, p.N, s.Type.ActGroup)
	s.Round(&act, x, p.N, p.M)
	ldy := p.Rows + p.Slack
	y, fences := sevens(max(0, p.M*ldy-p.Slack))
	keptW, keptD := FrozenBytes(w.Packed), Frozen(act.D)
	impl.MatmulQ8(y, ldy, &act, p.M, w.Packed, w.Stride, p.Rows, p.N, ws)
	if err := first(fences(), keptW(), keptD(), untouched(y, p.Rows, max(ldy, 1))); err != nil {
		return at(err, "%v", p)
	}
	rounded := roundedRows(x, s.Type.ActGroup)
	want := ref.Matmul(rounded, w.Values, p.M, p.Rows, p.N)
	for j := range p.M {
		for r := range p.Rows {
			bound := s.boundQ8(x[j*p.N:][:p.N], rounded[j*p.N:][:p.N], w.Values[r*p.N:][:p.N])
			if err := within(y[j*ldy+r], want[j*p.Rows+r], bound); err != nil {
				return at(err, "%v: y[%d][%d]", p, j, r)
			}
		}
	}
	return nil
}

// boundQ8 is how far MatmulQ8 may be from the product of rounded activations with a row. Codes are
// summed before offsets are taken off them, so it counts the largest weight for each. A quant that
// may be halved is moved by up to 1: 6 deviations of that sum.
func (s *Subject) boundQ8(x, rounded, w []float32) float64 {
	var size float64
	for _, v := range rounded {
		size += math.Abs(float64(v))
	}
	size *= float64(Largest(w))
	bound := 4 * 0x1p-23 * size * math.Sqrt(float64(len(x)))
	if s.Rounded {
		bound += size / 128
	}
	if s.Type.ActGroup > 32 {
		bound += 6 / math.Sqrt(3) * float64(Largest(x)) / 127 * norm(w)
	}
	return bound
}

// roundedRows is what an Act of x stands for: the nearest multiples of a group's largest magnitude
// over 127.
func roundedRows(x []float32, group int) []float32 {
	y := make([]float32, len(x))
	for g := 0; g < len(x); g += group {
		most := Largest(x[g : g+group])
		for i, v := range x[g : g+group] {
			if most > 0 {
				y[g+i] = float32(math.RoundToEven(float64(v*(127/most)))) * (most / 127)
			}
		}
	}
	return y
}
