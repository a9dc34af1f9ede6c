package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// rows4 addresses up to 4 rows of an array by two cursors and a stride in bytes.
type rows4 struct {
	lo, hi, stride *ir.Value
}

// loadRows reads the parameters base and stride and makes the cursors that m rows need.
func loadRows(b *ir.Builder, base, stride, m int) rows4 {
	r := rows4{lo: b.Param(base)}
	if m > 1 {
		r.stride = b.Param(stride)
	}
	if m > 2 {
		r.hi = b.Copy(r.lo, r.lo.Name+"2")
		b.AddInt(r.hi, r.stride)
		b.AddInt(r.hi, r.stride)
	}
	return r
}

// at is the address off bytes into row j.
func (r rows4) at(j, off int) ir.Mem {
	m := ir.Mem{Base: r.lo, Off: off}
	if j > 1 {
		m.Base = r.hi
	}
	if j%2 == 1 {
		m.Index, m.Scale = r.stride, 1
	}
	return m
}

// advance moves all rows by n bytes.
func (r rows4) advance(b *ir.Builder, n int) {
	b.AddImm(r.lo, n)
	if r.hi != nil {
		b.AddImm(r.hi, n)
	}
}

// Matmul is y[j][r] = sum over i of x[j][i]*w[r][i] for m rows of x in f32.
func Matmul(t *spec.Type, c Caps, m int, name string) *ir.Func {
	u := unitOf(t, c)
	b := ir.Build(name, []ir.Param{
		{Name: "y", Type: addr, Go: "*float32"}, {Name: "ldy", Type: word, Go: "int"},
		{Name: "x", Type: addr, Go: "*float32"}, {Name: "ldx", Type: word, Go: "int"},
		{Name: "w", Type: addr, Go: "*byte"}, {Name: "stride", Type: word, Go: "int"},
		{Name: "rows", Type: word, Go: "int"}, {Name: "units", Type: word, Go: "int"},
	}, fmt.Sprintf("%s is y[j][r] = sum over i of x[j][i]*w[r][i] for j < %d; ld and stride in bytes, a unit is %s.", name, m, plural(u.values, "value")))
	y, w, rows := b.Param(0), b.Param(4), b.Param(6)
	r := newReader(b, c, t)
	b.Loop(rows, 1, func() {
		// A sum waits for the one before it, so few rows of x get several sums each.
		chains := max(1, 4/m)
		acc := accumulators(b, f32s(c.Lanes), m*chains, "acc")
		x, units, src := loadRows(b, 2, 3, m), b.Param(7), b.Copy(w, "src")
		b.Loop(units, 1, func() {
			r.pieces(u, ir.At(src, 0), func(i int, v *ir.Value) {
				for j := range m {
					b.FMA(acc[i/c.Lanes%chains*m+j], v, b.Load(v.Type, x.at(j, 4*i), "x"))
				}
			})
			b.AddImm(src, u.bytes)
			x.advance(b, 4*u.values)
		})
		for k := m; k < len(acc); k++ {
			acc[k%m] = b.Bin(ir.OpAdd, acc[k%m], acc[k], "acc")
		}
		writeSums(b, y, 1, acc[:m])
		b.AddInt(w, b.Param(5))
	})
	return b.F
}

func accumulators(b *ir.Builder, t ir.Type, n int, name string) []*ir.Value {
	acc := make([]*ir.Value, n)
	for j := range acc {
		acc[j] = b.Zero(t, name)
	}
	return acc
}

// writeSums stores the sum of acc[j] at row j of y, whose stride is parameter ldy, and
// moves y to the next column.
func writeSums(b *ir.Builder, y *ir.Value, ldy int, acc []*ir.Value) {
	var stride *ir.Value
	to := y
	for j, a := range acc {
		if j > 0 {
			if stride == nil {
				stride, to = b.Param(ldy), b.Copy(y, "y")
			}
			b.AddInt(to, stride)
		}
		b.Do(ir.OpHSum, ir.Instr{Args: []*ir.Value{a}, Mem: ir.At(to, 0)})
	}
	b.AddImm(y, 4)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
