package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
)

// GemmF32 is out[j][r] = sum over i of x[j][i]*w[r][i] for m rows of x and tiles of 4
// rows of decoded weights: what Matmul does once a row of w meets many rows of x. The
// sums of a tile fill the registers.
func GemmF32(c Caps, m int, name string) *ir.Func {
	b := ir.Build(name, []ir.Param{
		{Name: "out", Type: addr, Go: "*float32"}, {Name: "ldo", Type: word, Go: "int"},
		{Name: "x", Type: addr, Go: "*float32"}, {Name: "ldx", Type: word, Go: "int"},
		{Name: "w", Type: addr, Go: "*float32"}, {Name: "ldw", Type: word, Go: "int"},
		{Name: "rows", Type: word, Go: "int"}, {Name: "units", Type: word, Go: "int"},
	}, fmt.Sprintf("%s multiplies decoded rows with %s of x; rows is a multiple of %d, ld in bytes, a unit is %s.", name, plural(m, "row"), gemmRows, plural(ir.VectorLanes, "value")), "",
		"\tfor r := range rows {", fmt.Sprintf("\t\tfor j := range %d {", m), "\t\t\tout[j][r] = sum(x[j][i] * w[r][i]) // over all i", "\t\t}", "\t}")
	out, w, rows := b.Param(0), b.Param(4), b.Param(6)
	b.Loop(rows, gemmRows, func() {
		acc := accumulators(b, f32s(ir.VectorLanes), m*gemmRows, "acc")
		x := loadRows(b, 2, 3, m)
		tile := cursors(b, b.Copy(w, "w"), b.Param(5), gemmRows)
		b.Loop(b.Param(7), 1, func() {
			xs := make([]*ir.Value, m)
			for j := range xs {
				xs[j] = b.Load(f32s(ir.VectorLanes), x.at(j, 0), "x")
			}
			for r := range gemmRows {
				v := b.Load(f32s(ir.VectorLanes), tile.at(r, 0), "w")
				for j := range xs {
					b.FMA(acc[j*gemmRows+r], v, xs[j])
				}
			}
			x.advance(b, 4*ir.VectorLanes)
			tile.advance(b, 4*ir.VectorLanes)
		})
		to := b.Copy(out, "to")
		for j := range m {
			for r := range gemmRows {
				b.HSum(acc[j*gemmRows+r], ir.At(to, 4*r))
			}
			if j < m-1 {
				b.AddInt(to, b.Param(1))
			}
		}
		b.AddImm(out, 4*gemmRows)
		for range gemmRows {
			b.AddInt(w, b.Param(5))
		}
	})
	return b.F
}
