package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// Mix is o[j][i] += sum over r of p[j][r]*v[r][i] for m rows of o. A tile of some
// vectors of one unit, whose sums fill the registers, is held while all rows pass. With rounded set
// the levels of a float table are taken as int8, as MatmulQ8 does.
func Mix(t *spec.Type, c Caps, m int, rounded bool, name string) *ir.Func {
	tile := max(1, min(4, c.sums()/m))
	if rounded {
		return mixRows(t, c, m, tile, true, false, name)
	}
	return eitherWay(func(plain bool) *ir.Func { return mixRows(t, c, m, tile, false, plain, name) })
}

func mixRows(t *spec.Type, c Caps, m, tile int, rounded, plain bool, name string) *ir.Func {
	u := unitOf(t)
	if rounded && Exact(t) {
		giveUp("the levels are whole numbers as they are")
	}
	if rounded && t.Block > 1 {
		split(t).mustBeFaithful()
	}
	b := ir.Build(name, []ir.Param{
		{Name: "o", Type: addr, Go: "*float32"}, {Name: "ldo", Type: word, Go: "int"},
		{Name: "p", Type: addr, Go: "*float32"}, {Name: "ldp", Type: word, Go: "int"},
		{Name: "v", Type: addr, Go: "*byte"}, {Name: "stride", Type: word, Go: "int"},
		{Name: "rows", Type: word, Go: "int"}, {Name: "units", Type: word, Go: "int"},
	}, fmt.Sprintf("%s adds weighted rows of v to %s; ld and stride in bytes, a unit is %s.", name, plural(m, "row")+" of o", plural(u.values, "value")), "",
		fmt.Sprintf("\tfor j := range %d {", m), fmt.Sprintf("\t\tfor i := range units * %d {", u.values), "\t\t\to[j][i] += sum(p[j][r] * v[r][i]) // over r < rows", "\t\t}", "\t}")
	v, units, moved := b.Param(4), b.Param(7), b.ZeroWord("moved")
	k := &mix{reader: readerFor(b, c, t, plain), b: b, u: u, m: m}
	k.scale = k.reader.a.Scale
	if rounded {
		_, factor, _ := k.reader.a.int8Levels()
		k.scale, k.reader.rounded = scaled(k.scale, factor, t), true
	}
	each := func(together int) {
		b.Loop(units, together, func() {
			n := together * u.values
			for first := 0; first < n; first += tile * ir.VectorLanes {
				k.tile(v, moved, first, min(tile*ir.VectorLanes, n-first))
			}
			b.AddImm(v, together*u.bytes)
			b.AddImm(moved, 4*n)
		})
	}
	// a unit is one vector: too few sums to hide how long an addition takes
	if t.Block == 1 && tile > 1 {
		each(tile)
	}
	each(1)
	return b.F
}

// mix is the state of one Mix.
type mix struct {
	reader *reader
	b      *ir.Builder
	u      unit
	m      int
	scale  spec.Expr
}

// tile runs all rows over count values from first of the unit that v points to.
func (k *mix) tile(v, moved *ir.Value, first, count int) {
	b, n := k.b, ir.VectorLanes
	acc := make([][]*ir.Value, k.m)
	k.each(moved, first, count, func(j, p int, at ir.Mem) {
		acc[j] = append(acc[j], b.Load(f32s(n), at, "o"))
	})
	p, rows, src, stride := loadRows(b, 2, 3, k.m), b.Param(6), b.Copy(v, "src"), b.Param(5)
	b.Loop(rows, 1, func() {
		k.row(ir.At(src, 0), p, acc, first, count)
		b.AddInt(src, stride)
		p.advance(b, 4)
	})
	k.each(moved, first, count, func(j, p int, at ir.Mem) { b.Store(acc[j][p], at) })
}

// each visits the vectors of o that a tile covers.
func (k *mix) each(moved *ir.Value, first, count int, visit func(j, p int, at ir.Mem)) {
	o := loadRows(k.b, 0, 1, k.m)
	for _, pair := range o.pairs {
		k.b.AddInt(pair, moved)
	}
	n := ir.VectorLanes
	for p := range count / n {
		for j := range k.m {
			visit(j, p, o.at(j, 4*(first+n*p)))
		}
	}
}

// row adds one row of v. When one scale serves the tile it is multiplied into the
// probability, once for each j, and the levels are used as they are.
func (k *mix) row(block ir.Mem, p tileRows, acc [][]*ir.Value, first, count int) {
	b, r, n := k.b, k.reader, ir.VectorLanes
	r.at(block)
	weight := func(j int) *ir.Value { return b.Broadcast(f32s(n), p.at(j, 0), "p") }
	if k.u.t.Block == 1 {
		x := make([]*ir.Value, count/n)
		for q := range x {
			x[q] = r.floats(block.Plus((first + n*q) * k.u.t.Bytes))
		}
		for j := range acc {
			w := weight(j)
			for q := range x {
				b.FMA(acc[j][q], x[q], w)
			}
		}
		return
	}
	if r.plain {
		for q := range count / n {
			x := r.plainValue(first + n*q)
			for j := range acc {
				b.FMA(acc[j][q], x, weight(j))
			}
		}
		return
	}
	level := r.levelPieces(first, count)
	if r.a.Min == nil && k.scale != nil && (perBlock(k.scale, r.t.Block) || k.scale.Run()%count == 0) {
		scale := r.uniform(k.scale, first)
		w := make([]*ir.Value, len(acc))
		for j := range acc {
			w[j] = b.Mul(scale, weight(j))
		}
		for q := range count / n {
			x := level(q)
			for j := range acc {
				b.FMA(acc[j][q], x, w[j])
			}
		}
		return
	}
	if r.rounded {
		giveUp("rounded levels with a scale that changes inside a tile")
	}
	for q := range count / n {
		x := r.value(k.u.t.Value, level(q), first+n*q)
		for j := range acc {
			b.FMA(acc[j][q], x, weight(j))
		}
	}
}
