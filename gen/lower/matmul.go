package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// tileRows addresses the rows of a tile: a cursor to each pair of them, and a stride in bytes from
// one row to the next.
type tileRows struct {
	pairs  []*ir.Value
	stride *ir.Value
}

// loadRows reads the parameters base and stride and makes the cursors that m rows need.
func loadRows(b *ir.Builder, base, stride, m int) tileRows {
	first := b.Param(base)
	if m == 1 {
		return tileRows{pairs: []*ir.Value{first}}
	}
	return cursors(b, first, b.Param(stride), m)
}

// cursors makes those of m rows from that of the first.
func cursors(b *ir.Builder, first, stride *ir.Value, m int) tileRows {
	r := tileRows{pairs: []*ir.Value{first}, stride: stride}
	for len(r.pairs) < (m+1)/2 {
		last := r.pairs[len(r.pairs)-1]
		next := b.Copy(last, fmt.Sprintf("%s%d", r.pairs[0].Name, 2*len(r.pairs)))
		b.AddInt(next, r.stride)
		b.AddInt(next, r.stride)
		r.pairs = append(r.pairs, next)
	}
	return r
}

// at is the address off bytes into row j.
func (r tileRows) at(j, off int) ir.Mem {
	m := ir.Mem{Base: r.pairs[j/2], Off: off}
	if j%2 == 1 {
		m.Index, m.Scale = r.stride, 1
	}
	return m
}

// advance moves all rows by n bytes.
func (r tileRows) advance(b *ir.Builder, n int) {
	for _, p := range r.pairs {
		b.AddImm(p, n)
	}
}

// Matmul is y[j][r] = sum over i of x[j][i]*w[r][i] for m rows of x in f32.
func Matmul(t *spec.Type, c Caps, m int, name string) *ir.Func {
	if m > 1 && alone(t) {
		giveUp("a row at a time")
	}
	return eitherWay(func(plain bool) *ir.Func { return matmul(t, c, m, name, plain) })
}

// alone reports whether a kernel takes one row of x at a time. Points and levels of several codes
// are that much text that kernels for more rows, which are not the fast ones, would be most of it.
func alone(t *spec.Type) (one bool) {
	_ = reason(func() { one = t.Block > 1 && !t.KV && split(t).points != nil })
	return one
}

func matmul(t *spec.Type, c Caps, m int, name string, plain bool) *ir.Func {
	u := unitOf(t)
	b := ir.Build(name, []ir.Param{
		{Name: "y", Type: addr, Go: "*float32"}, {Name: "ldy", Type: word, Go: "int"},
		{Name: "x", Type: addr, Go: "*float32"}, {Name: "ldx", Type: word, Go: "int"},
		{Name: "w", Type: addr, Go: "*byte"}, {Name: "stride", Type: word, Go: "int"},
		{Name: "rows", Type: word, Go: "int"}, {Name: "units", Type: word, Go: "int"},
	}, fmt.Sprintf("%s multiplies rows of w with %s; ld and stride in bytes, a unit is %s.", name, plural(m, "row")+" of x", plural(u.values, "value")), "",
		"\tfor r := range rows {", fmt.Sprintf("\t\tfor j := range %d {", m), "\t\t\ty[j][r] = sum(x[j][i] * w[r][i]) // over all i", "\t\t}", "\t}")
	y, w, rows := b.Param(0), b.Param(4), b.Param(6)
	r := readerFor(b, c, t, plain)
	b.Loop(rows, 1, func() {
		// A sum waits for the one before it, so few rows of x get several sums each.
		chains := max(1, c.Chains/m)
		acc := accumulators(b, f32s(ir.VectorLanes), m*chains, "acc")
		x, units, src := loadRows(b, 2, 3, m), b.Param(7), b.Copy(w, "src")
		b.Loop(units, 1, func() {
			r.pieces(u, ir.At(src, 0), func(i int, v *ir.Value) {
				for j := range m {
					b.FMA(acc[i/ir.VectorLanes%chains*m+j], v, b.Load(v.Type, x.at(j, 4*i), "x"))
				}
			})
			b.AddImm(src, u.bytes)
			x.advance(b, 4*u.values)
		})
		for k := m; k < len(acc); k++ {
			acc[k%m] = b.Add(acc[k%m], acc[k])
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
	b.Note("sums of the lanes")
	var stride *ir.Value
	to := y
	for j, a := range acc {
		if j > 0 {
			if stride == nil {
				stride, to = b.Param(ldy), b.Copy(y, "y")
			}
			b.AddInt(to, stride)
		}
		b.HSum(a, ir.At(to, 0))
	}
	b.AddImm(y, 4)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
