package lower

import (
	"slices"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// unrolled is the number of values of one turn of an encoder's loop. Types of long blocks
// have long encoders, of which it makes little speed and much text.
func (e *encoder) unrolled() int {
	if e.t.Block > 128 {
		return 1
	}
	return 4
}

// cursor is a position in the block: value first, and further by what index holds. Index
// counts 4 per value, so that it serves tables of words at scale 1 and, with 8 lanes,
// arrays of vectors at scale 8. In a loop over runs of values, run counts 4 per run, for
// arrays with an entry per run; index goes on from run to run.
type cursor struct {
	index *ir.Value // nil: none
	first int
	run   *ir.Value // nil: none
}

// at is the entry of v for the cursor. An array that has no entry of its own for every
// value is only reached by cursors whose index stays inside one entry.
func (e *encoder) at(v variable, c cursor) ir.Mem {
	m := ir.At(e.scratch, v.off+4*e.n*(c.first/v.group))
	switch {
	case v.group == 1 && c.index != nil && e.t.Block > 1:
		m.Index, m.Scale = c.index, e.n
	case v.group > 1 && v.group < e.t.Block && c.run != nil:
		m.Index, m.Scale = c.run, e.n
	}
	return m
}

func (e *encoder) get(v variable, c cursor, name string) *ir.Value {
	return e.b.Load(e.typ(v.kind), e.at(v, c), name)
}

func (e *encoder) put(v variable, c cursor, x *ir.Value) { e.b.Store(x, e.at(v, c)) }

// once builds code outside a loop.
func (e *encoder) once(build func()) {
	e.body = map[string]*ir.Value{}
	build()
}

// each runs body for all values of the block, in order, in a loop. x is what body
// evaluates: where it uses arrays with an entry for several values, there is a loop per
// entry, in a loop over these.
func (e *encoder) each(x spec.Expr, body func(c cursor)) {
	n := e.t.Block
	part := n
	for _, g := range e.groups(x) {
		part = gcd(part, g)
	}
	if part == n {
		e.values(cursor{}, n, body)
		return
	}
	e.runs(part, x, func(at cursor) { e.values(at, part, body) })
}

// runs calls body for every run of values, in order: once, in a loop, if x, which it
// evaluates, uses no arrays with entries for other numbers of values and no table over i.
// body counts at.index on.
func (e *encoder) runs(run int, x spec.Expr, body func(at cursor)) {
	same := !e.indexed(x)
	for _, g := range e.groups(x) {
		same = same && g == run
	}
	if n := e.t.Block / run; n > 2 && same {
		at := cursor{index: e.b.ZeroWord("index"), run: e.b.ZeroWord("run")}
		left := count(e.b, n)
		e.b.Loop(left, 1, func() {
			body(at)
			e.b.AddImm(at.run, 4)
		})
		return
	}
	for i := 0; i < e.t.Block; i += run {
		body(cursor{first: i})
	}
}

// values is one loop over n values from where at stands. An index that at has is counted on.
func (e *encoder) values(at cursor, n int, body func(c cursor)) {
	step := gcd(e.unrolled(), n)
	index := at.index
	turn := func() {
		for k := range step {
			e.once(func() { body(cursor{index, at.first + k, at.run}) })
		}
		if index != nil {
			e.b.AddImm(index, 4*step)
		}
	}
	if n == step {
		turn()
		return
	}
	if index == nil {
		index = e.b.ZeroWord("index")
	}
	e.b.Loop(count(e.b, n/step), 1, turn)
}

// indexed reports whether x has a table over i.
func (e *encoder) indexed(x spec.Expr) bool {
	if _, ok := e.made[x]; ok {
		return false
	}
	if _, ok := x.(*spec.PerIndex); ok {
		return true
	}
	return slices.ContainsFunc(spec.Children(x), e.indexed)
}

// groups lists the lengths of the arrays that x reads, of those that neither have an
// entry for every value nor one for the block.
func (e *encoder) groups(x spec.Expr) []int {
	var all []int
	add := func(v variable) {
		if v.group > 1 && v.group < e.t.Block {
			all = append(all, v.group)
		}
	}
	var walk func(x spec.Expr)
	walk = func(x spec.Expr) {
		if v, ok := e.made[x]; ok {
			add(v)
			return
		}
		if r, ok := x.(*spec.Ref); ok {
			add(e.vars[r.Name])
		}
		for _, child := range spec.Children(x) {
			walk(child)
		}
	}
	walk(x)
	return all
}

// load brings the blocks into the array x: value i of all blocks side by side.
func (e *encoder) load() {
	b := e.b
	e.b.Note("x: value i of every block in one vector")
	v := e.room(spec.Float, 1)
	e.vars["x"] = v
	if e.t.Block == 1 {
		b.Store(b.Load(f32s(e.n), ir.At(e.src, 0), "x"), e.at(v, cursor{}))
		return
	}
	index, left := b.ZeroWord("index"), count(b, e.t.Block/e.n)
	b.Loop(left, 1, func() {
		e.square(v, cursor{index: index})
		b.AddImm(index, 4*e.n)
	})
	if e.t.Block%e.n > 0 { // the last values once more, with those before them
		e.square(v, cursor{first: e.t.Block - e.n})
	}
}

// square transposes as many values of every block as there are blocks.
func (e *encoder) square(v variable, c cursor) {
	rows := make([]*ir.Value, e.n)
	for l := range rows {
		m := ir.At(e.src, 4*(e.t.Block*l+c.first))
		if c.index != nil {
			m.Index, m.Scale = c.index, 1
		}
		rows[l] = e.b.Load(f32s(e.n), m, "x")
	}
	e.b.Transpose(rows...)
	for k, r := range rows {
		e.put(v, cursor{index: c.index, first: c.first + k}, r)
	}
}
