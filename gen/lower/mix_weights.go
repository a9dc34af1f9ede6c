package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/kernels/abi"
)

// MixWeights rounds the weights of abi.MixRows rows, times the scales of these, to 16 bits
// for m rows of o.
func MixWeights(c Caps, name string) *ir.Func {
	b := ir.Build(name, []ir.Param{
		{Name: "q", Type: addr, Go: "*int16"}, {Name: "d", Type: addr, Go: "*float32"},
		{Name: "p", Type: addr, Go: "*float32"}, {Name: "ldp", Type: word, Go: "int"},
		{Name: "scales", Type: addr, Go: "*float32"}, {Name: "m", Type: word, Go: "int"},
	}, fmt.Sprintf("%s rounds %d weights of each row of p, times scales, to 16 bits; ldp in bytes.", name, abi.MixRows), "",
		"\tfor j := range m {", "\t\td[j] = absmax(p[j]*scales) / 32767", fmt.Sprintf("\t\tfor r := range %d {", abi.MixRows),
		"\t\t\tq[j][r] = rint(p[j][r] * scales[r] / d[j])", "\t\t}", "\t}")
	q, d, p, ldp, scales := b.Param(0), b.Param(1), b.Param(2), b.Param(3), b.Param(4)
	n := ir.VectorLanes
	k := &rounder{b: b, lanes: n, group: abi.MixRows, limit: 32767}
	b.Loop(b.Param(5), 1, func() {
		var w []*ir.Value
		for i := 0; i < abi.MixRows; i += n {
			w = append(w, b.Mul(b.Load(f32s(n), ir.At(p, 4*i), "p"), b.Load(f32s(n), ir.At(scales, 4*i), "scale")))
		}
		scale, inverse, keep := k.scaleOf(func(i int) *ir.Value { return as(b, i32s(n), w[i]) })
		b.StoreLow(scale, ir.At(d, 0), 4)
		b.Note("q: round to even, 0 where there is no scale")
		for i := 0; i < len(w); i += 2 {
			b.Store(b.PackS2(k.round(w[i], inverse, keep), k.round(w[i+1], inverse, keep)), ir.At(q, 2*n*i))
		}
		b.AddImm(q, 2*abi.MixRows)
		b.AddImm(d, 4)
		b.AddInt(p, ldp)
	})
	return b.F
}
