package lower

import (
	"fmt"
	"slices"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// Place adds sums of a block's values, which stand in the order that Pairs reads them in, to m rows
// of o.
func Place(t *spec.Type, c Caps, name string) *ir.Func {
	o := cheapest(c, t, split(t))
	if o.isNatural() {
		giveUp("values are in their places")
	}
	b := ir.Build(name, []ir.Param{
		{Name: "o", Type: addr, Go: "*float32"}, {Name: "ldo", Type: word, Go: "int"},
		{Name: "sums", Type: addr, Go: "*float32"}, {Name: "m", Type: word, Go: "int"},
	}, fmt.Sprintf("%s adds sums of %s, in the order in which rows are read, to m rows of o; ldo in bytes.", name, plural(t.Block, "value")), "",
		"\tfor j := range m {", fmt.Sprintf("\t\tfor k := range %d {", t.Block), "\t\t\to[j][order[k]] += sums[j][k]", "\t\t}", "\t}")
	to, ldo, sums := b.Param(0), b.Param(1), b.Param(2)
	at := make([]int, t.Block) // where the sum of each value is
	for k, i := range slices.Concat(o...) {
		at[i] = k
	}
	b.Loop(b.Param(3), 1, func() {
		for i := 0; i < t.Block; i += ir.VectorLanes {
			old := b.Load(f32s(ir.VectorLanes), ir.At(to, 4*i), "o")
			b.Store(b.Add(old, collect(b, sums, at[i:i+ir.VectorLanes], t.Block-ir.VectorLanes)), ir.At(to, 4*i))
		}
		b.AddInt(to, ldo)
		b.AddImm(sums, 4*t.Block)
	})
	return b.F
}

// collect is src[at[l]] in lane l, by a load and a permutation for each run of values that holds
// some of them; last is where the last run begins.
func collect(b *ir.Builder, src *ir.Value, at []int, last int) *ir.Value {
	n := len(at)
	var sum *ir.Value
	for done := make([]bool, n); slices.Contains(done, false); {
		from := last
		for l, k := range at {
			if !done[l] {
				from = min(from, k)
			}
		}
		lanes, mask, moved := make([]uint32, n), make([]uint32, n), false
		for l, k := range at {
			if inside := k >= from && k < from+n; inside && !done[l] {
				lanes[l], mask[l], done[l] = uint32(k-from), 1<<32-1, true
				moved = moved || k-from != l
			}
		}
		v := b.Load(f32s(n), ir.At(src, 4*from), "sums")
		if moved {
			v = b.Order(v, dwordConst(lanes))
		}
		if sum != nil {
			v = b.Select(b.Const(i32s(n), dwordConst(mask), "mask"), v, sum)
		}
		sum = v
	}
	return sum
}
