package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// In the fast form a type whose blocks are long and have one scale is mixed in integers, two rows
// at a time. Weights, with the scales of rows in them, are rounded to 16 bits (mix_weights.go).
// Levels of two rows stand side by side, and one product adds both to sums of 32 bits. These become
// floats once for abi.MixRows rows, of which as many levels of 8 bits times weights of 16 stay far
// within 32 bits. Against one product of floats for each level that is half the work, without any
// conversion of levels.

// Pairs unpacks one block of an even number of rows to int8 levels, two rows interleaved,
// and f32 scales, in the order that reads codes at least cost. With a and b 32 levels of
// a pair in that order, vector h of the two that hold them is a[i] a[i+1] b[i] b[i+1] for
// even i from 8h to 8h+6 and from 16+8h to 22+8h.
func Pairs(t *spec.Type, c Caps, name string) *ir.Func {
	if t.Block%longBlock != 0 {
		giveUp("short blocks")
	}
	b := ir.Build(name, []ir.Param{
		{Name: "levels", Type: addr, Go: "*byte"}, {Name: "scales", Type: addr, Go: "*float32"},
		{Name: "v", Type: addr, Go: "*byte"}, {Name: "stride", Type: word, Go: "int"}, {Name: "rows", Type: word, Go: "int"},
	}, fmt.Sprintf("%s unpacks a block of %s of each row to levels, those of 2 rows interleaved, and a scale; rows is even, stride in bytes.", name, plural(t.Block, "value")), "",
		"\tfor r := range rows {", "\t\tscales[r] = scale(v[r])", fmt.Sprintf("\t\tfor i := range %d {", t.Block),
		"\t\t\tlevels[r/2][i/8][i%8/2][r%2][i%2] = level(v[r], order[i]) // but 8..15 and 16..23 of each 32 change places", "\t\t}", "\t}")
	levels, scales, v, stride, rows := b.Param(0), b.Param(1), b.Param(2), b.Param(3), b.Param(4)
	r := newReader(b, c, t)
	r.a.mustBeFaithful()
	_, factor, _ := r.a.int8Levels()
	scale := scaled(r.a.Scale, factor, t)
	if r.a.Min != nil || !perBlock(scale, t.Block) {
		giveUp("more than one scale to a block")
	}
	if r.a.points == nil && len(r.a.Levels) > 64 && !r.isLinear() {
		giveUp("a table of %d levels", len(r.a.Levels))
	}
	second := b.Copy(v, "second")
	b.AddInt(second, stride)
	b.Loop(rows, 2, func() {
		for k, row := range []*ir.Value{v, second} {
			c.Prefetch.ask(b, row, 1)
			r.at(ir.At(row, 0))
			b.StoreLow(r.uniform(scale, 0), ir.At(scales, 4*k), 4)
		}
		for n, values := range cheapest(c, t, r.a) {
			b.Note("levels of " + describe(values))
			var pair [2]*ir.Value
			for k, row := range []*ir.Value{v, second} {
				r.at(ir.At(row, 0))
				pair[k] = r.levelBytes(values)
			}
			for h := range 2 {
				zipped := b.ZipWords(pair[0], pair[1], h)
				b.Store(zipped, ir.At(levels, chunk*(2*n+h)))
			}
		}
		b.AddImm(levels, 2*t.Block)
		b.AddImm(scales, 8)
		for range 2 {
			b.AddInt(v, stride)
			b.AddInt(second, stride)
		}
	})
	return b.F
}

// MixPairs is o[j][i] += d[j] * sum over r of q[j][r]*levels[r][i] for m rows of o and
// levels from Pairs. Sums of some values stay in registers while all rows pass.
func MixPairs(c Caps, m int, name string) *ir.Func {
	b := ir.Build(name, []ir.Param{
		{Name: "o", Type: addr, Go: "*float32"}, {Name: "ldo", Type: word, Go: "int"},
		{Name: "q", Type: addr, Go: "*int16"}, {Name: "ldq", Type: word, Go: "int"}, {Name: "d", Type: addr, Go: "*float32"},
		{Name: "levels", Type: addr, Go: "*byte"}, {Name: "stride", Type: word, Go: "int"},
		{Name: "pairs", Type: word, Go: "int"}, {Name: "n", Type: word, Go: "int"},
	}, fmt.Sprintf("%s adds weighted pairs of rows to %s; ld and stride, that of a pair, in bytes, n is a multiple of %d.", name, plural(m, "row")+" of o", longBlock), "",
		fmt.Sprintf("\tfor j := range %d {", m), "\t\tfor i := range n {", "\t\t\to[j][i] += d[j] * sum(q[j][r] * level[r][i]) // over r < 2*pairs", "\t\t}", "\t}")
	k := &mixPairs{b: b, m: m, lanes: ir.VectorLanes, levels: b.Param(5), moved: b.ZeroWord("moved")}
	// Vectors of a pair of rows that are summed together, even and odd values apart.
	width, passes := chunk, [][]int{{0, 1}}
	switch c.vectors(m, 2, 4) {
	case 4:
		width, passes = 2*chunk, [][]int{{0, 1, 2, 3}}
	case 1:
		passes = [][]int{{0}, {1}}
	}
	b.Loop(b.Param(8), width, func() {
		for _, vectors := range passes {
			k.pass(vectors)
		}
		b.AddImm(k.levels, 2*width)
		b.AddImm(k.moved, 4*width)
	})
	return b.F
}

// mixPairs is the state of one MixPairs.
type mixPairs struct {
	b             *ir.Builder
	m, lanes      int
	levels, moved *ir.Value
}

// pass runs all rows over some vectors of each pair.
func (k *mixPairs) pass(vectors []int) {
	b := k.b
	type sums [2]*ir.Value // even values, odd values
	acc := make([][]sums, len(vectors))
	for v := range acc {
		for range k.m {
			acc[v] = append(acc[v], sums{b.Zero(i32s(k.lanes), "even"), b.Zero(i32s(k.lanes), "odd")})
		}
	}
	q, pairs, src, stride := loadRows(b, 2, 3, k.m), b.Param(7), b.Copy(k.levels, "src"), b.Param(6)
	words := i16s(2 * k.lanes)
	b.Loop(pairs, 1, func() {
		for v, at := range vectors {
			x := b.Load(words, ir.At(src, chunk*at), "pairs")
			even, odd := b.Sar(b.Shl(x, 8), 8), b.Sar(x, 8)
			for j, s := range acc[v] {
				w := b.Broadcast(words, q.at(j, 0), "q")
				b.PairsAcc(s[0], even, w)
				b.PairsAcc(s[1], odd, w)
			}
		}
		b.AddInt(src, stride)
		q.advance(b, 4)
	})
	b.Note("sums as floats, even and odd values in turn")
	o, d := loadRows(b, 0, 1, k.m), b.Param(4)
	for _, pair := range o.pairs {
		b.AddInt(pair, k.moved)
	}
	for j := range k.m {
		scale := b.Broadcast(f32s(k.lanes), ir.At(d, 4*j), "d")
		for v, at := range vectors {
			for half := range 2 {
				sum := b.Zip(acc[v][j][0], acc[v][j][1], half)
				to := o.at(j, 4*(chunk*(at/2)+8*(at%2)+16*half))
				old := b.Load(f32s(k.lanes), to, "o")
				b.FMA(old, b.ToF32(sum), scale)
				b.Store(old, to)
			}
		}
	}
}
