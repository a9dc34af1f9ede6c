package gen_test

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels/abi"
	"github.com/kvgen/kvgen/kernels/cpu"
	"github.com/kvgen/kvgen/kernels/ref"
)

// gap is the bytes between packed rows, and gapFloats the values between rows of floats.
const gap, gapFloats = 3, 2

// weights are packed rows, stride bytes apart, and their values without gaps.
type weights struct {
	packed ir.Memory
	stride int
	values []float32
}

func (e *evaluator) weights(t *spec.Type, rows, n int) weights {
	w := weights{stride: n/t.Block*t.Bytes + gap}
	for r := range rows {
		row, values := e.row(t, n, uint64(1+r))
		w.packed = append(append(w.packed, row...), make([]byte, gap)...)
		w.values = append(w.values, values...)
	}
	w.packed = w.packed[:len(w.packed)-gap]
	return w
}

// spread lays out rows of n values with gaps between them, and returns the distance in bytes.
func spread(x []float32, n int) (m ir.Memory, ld int) {
	for r := 0; r < len(x); r += n {
		m = append(append(m, floats(x[r:r+n])...), make([]byte, 4*gapFloats)...)
	}
	return m[:len(m)-4*gapFloats], 4 * (n + gapFloats)
}

// products multiplies rows of weights with rows of activations.
func (e *evaluator) products(t *spec.Type) {
	unit, _ := e.unitOf(t)
	for m := 1; m <= 4; m++ {
		f := e.lower(xm("matmul", m, id(t)), func(c lower.Caps, name string) *ir.Func { return lower.Matmul(t, c, m, name) })
		for units := 1; f != nil && units <= 2; units++ {
			e.matmul(f, t, m, 3, units*unit, units)
		}
	}
	group := lower.ActGroup(t)
	if group == 0 {
		return
	}
	unroll := max(1, 64/t.Block)
	for m := 1; m <= 4; m++ {
		rows := e.lower(xm("matmulQ8", m, id(t)), func(c lower.Caps, name string) *ir.Func { return lower.MatmulQ8(t, c, m, unroll, name) })
		fours := e.lower(xm("matmulQ8Fours", m, id(t)), func(c lower.Caps, name string) *ir.Func { return lower.MatmulQ8Fours(t, c, m, unroll, name) })
		block := e.lower(xm("matmulQ8Block", m, id(t)), func(c lower.Caps, name string) *ir.Func { return lower.MatmulQ8Block(t, c, m, name) })
		blocks := []int{2, 3}
		if t.Block <= 64 {
			blocks = []int{4, 7} // whole turns of the loop, and one of each kind that is left
		}
		for _, n := range blocks {
			e.matmulQ8(rows, t, group, m, 3, n)
			e.matmulQ8(fours, t, group, m, 8, n)
		}
		e.matmulQ8(block, t, group, m, 8, 1)
	}
	e.panels(t)
}

// matmul compares with products in float64.
func (e *evaluator) matmul(f *ir.Func, t *spec.Type, m, rows, n, units int) {
	e.Helper()
	w, x := e.weights(t, rows, n), noise(m*n, 21, 1)
	memory, ldx := spread(x, n)
	y := make(ir.Memory, 4*m*rows)
	e.run(f, y, ir.Int(4*rows), memory, ir.Int(ldx), w.packed, ir.Int(w.stride), ir.Int(rows), ir.Int(units))
	e.compare(f, y, x, w.values, m, rows, n, nil)
}

// compare holds y to x*w. more gives what may be lost beyond rounding, for row j and row r.
func (e *evaluator) compare(f *ir.Func, y ir.Memory, x, w []float32, m, rows, n int, more func(j, r int) float64) {
	e.Helper()
	want := ref.Matmul(x, w, m, rows, n)
	for j := range m {
		size := 0.0
		for _, v := range x[j*n:][:n] {
			size += math.Abs(float64(v))
		}
		for r := range rows {
			bound := 4 * 0x1p-23 * size * largest(w[r*n:][:n]) * math.Sqrt(float64(n))
			if more != nil {
				bound += more(j, r)
			}
			e.within(f, fmt.Sprintf("y[%d][%d] of rows of %d", j, r, n), float(y, j*rows+r), want[j*rows+r], bound)
		}
	}
}

// matmulQ8 is matmul for activations in int8.
func (e *evaluator) matmulQ8(f *ir.Func, t *spec.Type, group, m, rows, blocks int) {
	if f == nil {
		return
	}
	e.Helper()
	n := blocks * t.Block
	w, x := e.weights(t, rows, n), noise(m*n, 22, 1)
	var act cpu.Act
	act.Resize(m, n, group)
	cpu.QuantiseActGeneric(&act, x, n, m)
	y := make(ir.Memory, 4*m*rows)
	e.run(f, y, ir.Int(4*rows), quants(act.Q), floats(act.D), floats(act.S), w.packed, ir.Int(w.stride), ir.Int(rows), ir.Int(blocks))
	e.compareQ8(f, t, y, x, w.values, group, m, rows, n)
}

// compareQ8 counts what rounding levels to bytes, and quants to 7 bits, may lose.
func (e *evaluator) compareQ8(f *ir.Func, t *spec.Type, y ir.Memory, x, w []float32, group, m, rows, n int) {
	e.Helper()
	rounded := roundedRows(x, group)
	e.compare(f, y, rounded, w, m, rows, n, func(j, r int) float64 {
		bound, norm, level := 0.0, 0.0, largest(w[r*n:][:n])
		for i := range n {
			norm += float64(w[r*n+i]) * float64(w[r*n+i])
			if t.Codebook != nil && !t.Codebook.Int8 { // half a step, 1/128 of the largest level
				bound += math.Abs(float64(rounded[j*n+i])) * level / 128
			}
		}
		if group > 32 { // a quant may be halved, which moves it by up to 1; 6 deviations of the sum
			bound += 6 / math.Sqrt(3) * largest(x[j*n:][:n]) / 127 * math.Sqrt(norm)
		}
		return bound
	})
}

// roundedRows is what activations in int8 stand for.
func roundedRows(x []float32, group int) []float32 {
	y := make([]float32, len(x))
	for g := 0; g < len(x); g += group {
		most := float32(largest(x[g : g+group]))
		for i, v := range x[g : g+group] {
			if most > 0 {
				y[g+i] = float32(math.RoundToEven(float64(v*(127/most)))) * (most / 127)
			}
		}
	}
	return y
}

// panels unpacks rows of weights and multiplies the records with a panel of 8 rows of activations.
func (e *evaluator) panels(t *spec.Type) {
	p, ok := lower.PanelOf(t)
	if !ok {
		return
	}
	unpack := e.lower("unpack"+id(t), func(c lower.Caps, name string) *ir.Func { return lower.Unpack(t, c, name) })
	gemm := e.lower("gemm"+form(p), func(c lower.Caps, name string) *ir.Func { return lower.Gemm(p, c, name) })
	if unpack == nil {
		return
	}
	const rows, group = 4, 32
	blocks := 3
	for blocks*t.Block%group != 0 {
		blocks++
	}
	n := blocks * t.Block
	w, x := e.weights(t, rows, n), noise(abi.ActPanel*n, 23, 1)
	var act cpu.Act
	act.Resize(abi.ActPanel, n, lower.ActGroup(t))
	cpu.QuantiseAct(cpu.QuantiseActGeneric, &act, x, n, abi.ActPanel)
	ld := n / 32 * p.Bytes
	records := make(ir.Memory, rows*ld)
	for r := range rows {
		e.run(unpack, records[r*ld:][:ld], w.packed[r*w.stride:][:n/t.Block*t.Bytes], ir.Int(blocks))
	}
	out := make(ir.Memory, 4*rows*abi.ActPanel)
	e.run(gemm, out, records, ir.Int(ld), floats(act.P), ir.Int(rows), ir.Int(n/32))
	y := make([]float32, rows*abi.ActPanel)
	for r := range rows {
		for j := range abi.ActPanel {
			y[j*rows+r] = float(out, r*abi.ActPanel+j)
		}
	}
	e.compareQ8(gemm, t, floats(y), x, w.values, lower.ActGroup(t), abi.ActPanel, rows, n)
}

// form names a form of records, as the functions for it are called.
func form(p lower.Panel) string {
	name := "Signed"
	if !p.Signed {
		name = fmt.Sprintf("Unsigned%d", p.Bits)
	}
	if p.Halves {
		name += "Halves"
	}
	if p.Min {
		name += "Min"
	}
	return name
}

// gemmF32 multiplies decoded rows.
func (e *evaluator) gemmF32() {
	for m := 1; m <= 3; m++ {
		f := e.lower(xm("gemm", m, "F32"), func(c lower.Caps, name string) *ir.Func { return lower.GemmF32(c, m, name) })
		for units := 1; units <= 2; units++ {
			n, rows := units*ir.VectorLanes, 8
			x, w := noise(m*n, 24, 1), noise(rows*n, 25, 1)
			xs, ldx := spread(x, n)
			ws, ldw := spread(w, n)
			y := make(ir.Memory, 4*m*rows)
			e.run(f, y, ir.Int(4*rows), xs, ir.Int(ldx), ws, ir.Int(ldw), ir.Int(rows), ir.Int(units))
			e.compare(f, y, x, w, m, rows, n, nil)
		}
	}
}
