package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// A type whose blocks are long and have one scale is mixed in two steps. First some rows are
// unpacked to bytes, once for all rows of o that share them, and the scale of a row goes into its
// weight. Then bytes are added up, by kernels that know nothing of the type.

// longBlock is the length from which on the two steps pay.
const longBlock = 64

// Levels unpacks one block of each row to int8 levels and an f32 scale.
func Levels(t *spec.Type, c Caps, name string) *ir.Func {
	if t.Block < longBlock || t.Block%chunk != 0 || !Exact(t) {
		giveUp("short blocks, or levels that are no bytes")
	}
	b := ir.Build(name, []ir.Param{
		{Name: "levels", Type: addr, Go: "*byte"}, {Name: "scales", Type: addr, Go: "*float32"},
		{Name: "v", Type: addr, Go: "*byte"}, {Name: "stride", Type: word, Go: "int"}, {Name: "rows", Type: word, Go: "int"},
	}, fmt.Sprintf("%s unpacks a block of %s of each row to levels and a scale; stride in bytes.", name, plural(t.Block, "value")), "",
		"\tfor r := range rows {", "\t\tscales[r] = scale(v[r])", fmt.Sprintf("\t\tfor i := range %d {", t.Block), "\t\t\tlevels[r][i] = level(v[r], i)", "\t\t}", "\t}")
	levels, scales, v, stride, rows := b.Param(0), b.Param(1), b.Param(2), b.Param(3), b.Param(4)
	r := newReader(b, c, t)
	_, factor, _ := r.a.int8Levels()
	scale := scaled(r.a.Scale, factor, t)
	if r.a.Min != nil || !perBlock(scale, t.Block) {
		giveUp("more than one scale to a block")
	}
	b.Loop(rows, 1, func() {
		r.at(ir.At(v, 0))
		for first := 0; first < t.Block; first += chunk {
			b.Note(fmt.Sprintf("levels of values %d to %d", first, first+chunk-1))
			b.Store(r.levelBytes(run(first)), ir.At(levels, first))
		}
		b.StoreLow(r.uniform(scale, 0), ir.At(scales, 0), 4)
		b.AddImm(levels, t.Block)
		b.AddImm(scales, 4)
		b.AddInt(v, stride)
	})
	return b.F
}

// MixLevels is o[j][i] += sum over r of p[j][r]*levels[r][i] for m rows of o. A tile of
// vectors of o stays in registers while all rows pass.
func MixLevels(c Caps, m int, name string) *ir.Func {
	vectors := c.vectors(m, 1, 4)
	width := vectors * ir.VectorLanes
	b := ir.Build(name, []ir.Param{
		{Name: "o", Type: addr, Go: "*float32"}, {Name: "ldo", Type: word, Go: "int"},
		{Name: "p", Type: addr, Go: "*float32"}, {Name: "ldp", Type: word, Go: "int"},
		{Name: "levels", Type: addr, Go: "*byte"}, {Name: "stride", Type: word, Go: "int"},
		{Name: "rows", Type: word, Go: "int"}, {Name: "n", Type: word, Go: "int"},
	}, fmt.Sprintf("%s adds weighted rows of bytes to %s; ld and stride in bytes, n is a multiple of %d.", name, plural(m, "row")+" of o", width), "",
		fmt.Sprintf("\tfor j := range %d {", m), "\t\tfor i := range n {", "\t\t\to[j][i] += sum(p[j][r] * levels[r][i]) // over r < rows", "\t\t}", "\t}")
	levels, n, moved := b.Param(4), b.Param(7), b.ZeroWord("moved")
	b.Loop(n, width, func() {
		k := &mix{reader: &reader{b: b, caps: c, width: ir.VectorLanes}, b: b, m: m}
		acc := make([][]*ir.Value, m)
		k.each(moved, 0, width, func(j, p int, at ir.Mem) { acc[j] = append(acc[j], b.Load(f32s(ir.VectorLanes), at, "o")) })
		p, rows, src, stride := loadRows(b, 2, 3, m), b.Param(6), b.Copy(levels, "src"), b.Param(5)
		b.Loop(rows, 1, func() {
			weight := func(j int) *ir.Value { return b.Broadcast(f32s(ir.VectorLanes), p.at(j, 0), "p") }
			if m <= 4 {
				held := make([]*ir.Value, m)
				for j := range held {
					held[j] = weight(j)
				}
				weight = func(j int) *ir.Value { return held[j] }
			}
			for q := range vectors {
				x := b.ToF32(b.WidenS8(i32s(ir.VectorLanes), ir.At(src, ir.VectorLanes*q), "level"))
				for j := range acc {
					b.FMA(acc[j][q], x, weight(j))
				}
			}
			b.AddInt(src, stride)
			p.advance(b, 4)
		})
		k.each(moved, 0, width, func(j, p int, at ir.Mem) { b.Store(acc[j][p], at) })
		b.AddImm(levels, width)
		b.AddImm(moved, 4*width)
	})
	return b.F
}
