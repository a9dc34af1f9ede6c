package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// fours is the number of rows that are summed together.
const fours = 4

// MatmulQ8Fours is MatmulQ8 for rows in fours, whose lanes are summed together: short rows,
// such as those of a cache, spend as much on that as on their products.
func MatmulQ8Fours(t *spec.Type, c Caps, m, unroll int, name string) *ir.Func {
	group := ActGroup(t)
	if group == 0 || !t.KV {
		giveUp("not a type for the cache with int8 activations")
	}
	b := ir.Build(name, foursParams, foursDoc(name, m, "")...)
	k := newQ8(b, c, t, m, group)
	k.y, k.w, k.rows = b.Param(0), b.Param(5), b.Param(7)
	k.across = c.Folded && m == fours && k.lanes == fours && (k.min == nil || group == chunk)
	sums := b.Slot(ir.VectorBytes*fours*m, "sums")
	b.Loop(k.rows, fours, func() {
		four, to := b.ZeroWord("four"), b.Copy(sums, "to")
		b.AddImm(four, fours)
		b.Loop(four, 1, func() {
			k.row(8, unroll)
			for j, a := range k.rowSums() {
				b.Store(a, ir.At(to, ir.VectorBytes*fours*j))
			}
			b.AddImm(to, ir.VectorBytes)
			b.AddInt(k.w, b.Param(6))
		})
		b.Note("four results for each row of y")
		if k.across {
			turned := loadFours(b, f32s(k.lanes), sums, 0)
			b.Transpose(turned...)
			writeFours(b, k.y, 1, m, func(j int) *ir.Value { return turned[j] })
			return
		}
		writeFours(b, k.y, 1, m, func(j int) *ir.Value {
			return b.Sum4(loadFours(b, f32s(k.lanes), sums, j)...)
		})
	})
	return b.F
}

// loadFours loads the vectors of 4 rows for row j of y.
func loadFours(b *ir.Builder, t ir.Type, sums *ir.Value, j int) []*ir.Value {
	v := make([]*ir.Value, fours)
	for r := range v {
		v[r] = b.Load(t, ir.At(sums, ir.VectorBytes*(fours*j+r)), "sum")
	}
	return v
}

// writeFours stores 4 results for each of m rows of y, whose stride is parameter ldy, and
// moves y past them.
func writeFours(b *ir.Builder, y *ir.Value, ldy, m int, result func(j int) *ir.Value) {
	var stride *ir.Value
	to := y
	for j := range m {
		v := result(j)
		if j > 0 {
			if stride == nil {
				stride, to = b.Param(ldy), b.Copy(y, "y")
			}
			b.AddInt(to, stride)
		}
		b.Store(v, ir.At(to, 0))
	}
	b.AddImm(y, 4*fours)
}

// foursParams are those of MatmulQ8Block and MatmulQ8Fours.
var foursParams = []ir.Param{
	{Name: "y", Type: addr, Go: "*float32"}, {Name: "ldy", Type: word, Go: "int"},
	{Name: "q", Type: addr, Go: "*int8"}, {Name: "d", Type: addr, Go: "*float32"}, {Name: "s", Type: addr, Go: "*float32"},
	{Name: "w", Type: addr, Go: "*byte"}, {Name: "stride", Type: word, Go: "int"},
	{Name: "rows", Type: word, Go: "int"}, {Name: "blocks", Type: word, Go: "int"},
}

func foursDoc(name string, m int, which string) []string {
	return []string{fmt.Sprintf("%s multiplies rows%s with %s in int8; rows is a multiple of %d, ldy and stride in bytes.", name, which, plural(m, "row")+" of activations", fours), "",
		"\tfor r := range rows {", fmt.Sprintf("\t\tfor j := range %d {", m), "\t\t\ty[j][r] = sum(d[j] * q[j][i] * w[r][i]) // over all i", "\t\t}", "\t}"}
}
