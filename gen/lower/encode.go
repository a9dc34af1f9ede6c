package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// Encode packs groups of as many blocks as a vector has lanes: lane l of every vector is
// block l. A value over i becomes an array of vectors in scratch memory, a scalar one
// vector, and the statements of encode run in order as loops over these arrays. So sums
// go from the first value to the last in every block, as the spec demands, and every
// function of the language has a form lane by lane. scratch is the bytes that the kernel
// needs there.
func Encode(t *spec.Type, c Caps, name string) (f *ir.Func, scratch int) {
	if t.Encode == nil {
		giveUp("the type has no encode")
	}
	if t.Block > 1 && t.Block < ir.VectorLanes {
		giveUp("the block of %d has fewer values than a vector has lanes, %d", t.Block, ir.VectorLanes)
	}
	b := ir.Build(name, []ir.Param{
		{Name: "dst", Type: addr, Go: "*byte"}, {Name: "src", Type: addr, Go: "*float32"},
		{Name: "scratch", Type: addr, Go: "*byte"}, {Name: "groups", Type: word, Go: "int"},
	}, encodeDoc(t, c, name)...)
	e := &encoder{t: t, vars: map[string]variable{}, made: map[spec.Expr]variable{}}
	e.evaluator = evaluator{b: b, n: ir.VectorLanes, leaf: e.leaf}
	e.dst, e.src, e.scratch = b.Param(0), b.Param(1), b.Param(2)
	groups := b.Param(3)
	b.Align(e.scratch, 4*e.n)
	b.Loop(groups, 1, func() {
		e.load()
		read := t.Stored()
		for _, a := range t.Encode {
			if read[a.Name] {
				b.Note(a.Name)
				e.assign(a)
			}
		}
		e.store()
		b.AddImm(e.src, 4*e.n*t.Block)
		b.AddImm(e.dst, e.n*t.Bytes)
	})
	return b.F, e.used + 4*e.n
}

// encodeDoc is the comment of an encoder: the statements of the spec, in a loop over blocks.
func encodeDoc(t *spec.Type, c Caps, name string) []string {
	doc := []string{
		fmt.Sprintf("%s packs groups of %d blocks of %s.", name, ir.VectorLanes, plural(t.Block, "value")), "",
		fmt.Sprintf("\tfor k := range groups * %d {", ir.VectorLanes),
		fmt.Sprintf("\t\tx := src[k*%d:][:%d]", t.Block, t.Block),
	}
	for _, a := range t.Encode {
		doc = append(doc, "\t\t"+a.Name+" := "+spec.Text(a.X, func(name string) string { return name }))
	}
	return append(doc, fmt.Sprintf("\t\tcopy(dst[k*%d:], block of these fields and codes)", t.Bytes), "\t}")
}

// encoder is the state of one Encode.
type encoder struct {
	evaluator         // a lane is a block
	t                 *spec.Type
	dst, src, scratch *ir.Value
	used              int                    // bytes of scratch
	vars              map[string]variable    // by the name in the spec
	made              map[spec.Expr]variable // what was computed before the loop that uses it
}

// variable is an array of vectors in scratch memory: entry i/group belongs to value i.
type variable struct {
	kind  spec.Kind
	off   int // bytes from scratch
	group int // values per entry; the block for a scalar
	below int // integers are in 0..below-1; 0 when that is not known
}

// room makes a variable with an entry for each group values.
func (e *encoder) room(k spec.Kind, group int) variable {
	v := variable{kind: k, off: e.used, group: group}
	e.used += 4 * e.n * (e.t.Block / group)
	return v
}

// assign runs one statement.
func (e *encoder) assign(a *spec.Assign) {
	if r, ok := a.X.(*spec.Ref); ok {
		e.vars[a.Name] = e.vars[r.Name]
		return
	}
	e.prepare(a.X, e.varies(a.X))
	v, ok := e.made[a.X]
	if !ok {
		v = e.compute(a.X)
	}
	if c, ok := a.X.(*spec.Call); ok && c.Fn == "nearest" {
		v.below = len(c.Book.Levels)
	}
	e.vars[a.Name] = v
}

// leaf is what a name, a table over i or something computed before the loop is for the cursor.
func (e *encoder) leaf(x spec.Expr, c cursor) *ir.Value {
	if v, ok := e.made[x]; ok {
		return e.get(v, c, "x")
	}
	switch x := x.(type) {
	case *spec.PerIndex:
		t := e.b.Table(dwordConst(laneWords(x, 0, len(x.I))), "table")
		return e.word(i32s(e.n), t, c)
	case *spec.Ref:
		v, ok := e.vars[x.Name]
		if !ok {
			giveUp("%s is read before it has a value", x.Name)
		}
		return e.get(v, c, x.Name)
	}
	return nil
}

// varies reports whether x differs along the block.
func (e *encoder) varies(x spec.Expr) bool {
	_, shape := x.Type()
	return e.t.Block > 1 && (shape == spec.Vector || shape == spec.Index)
}

// compute evaluates x, which is prepared, for the whole block.
func (e *encoder) compute(x spec.Expr) variable {
	kind, _ := x.Type()
	if !e.varies(x) || x.Run()%e.t.Block == 0 {
		v := e.room(kind, e.t.Block)
		e.once(func() { e.put(v, cursor{}, e.eval(x, cursor{})) })
		return v
	}
	if run := x.Run(); run > 1 {
		v := e.room(kind, run)
		e.runs(run, x, func(at cursor) { e.once(func() { e.put(v, at, e.eval(x, at)) }) })
		return v
	}
	v := e.room(kind, 1)
	e.each(x, func(c cursor) { e.put(v, c, e.eval(x, c)) })
	return v
}
