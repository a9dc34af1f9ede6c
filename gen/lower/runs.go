package lower

import (
	"encoding/binary"
	"math"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// reader evaluates the value of one block in vector form. A part of the value that
// is the same over a run of values is computed once: in a register when the run is
// the block, else for 8 runs at a time into a slot of the frame.
type reader struct {
	b     *ir.Builder
	caps  Caps
	t     *spec.Type
	a     affine
	block ir.Mem // the block being read

	plain   bool // a has no meaning: Value is evaluated as it stands
	rounded bool // levels are int8 even where that rounds a float table
	slots   *ir.Value
	// lanes stand for so many blocks, one after the other; 0: for runs of one block
	abreast int
	width   int                     // lanes of what is the same for a block or a run
	free    int                     // next byte of slots
	runs    map[spec.Expr]int       // offset in slots of an expression's runs
	whole   map[spec.Expr]*ir.Value // expressions of the whole block, broadcast
	side    map[*spec.Code]abreast  // codes that were gathered together
}

// slotBytes is what a reader asks of the frame: levels of one chunk, then runs.
func (r *reader) slotBytes() int { return chunk + 4*4*max(1, r.t.Block/8) }

func newReader(b *ir.Builder, c Caps, t *spec.Type) *reader {
	r := &reader{b: b, caps: c, t: t, width: ir.VectorLanes}
	if t.Block > 1 {
		r.a = split(t)
		r.slots = b.Slot(r.slotBytes(), "slots")
	}
	return r
}

// at starts a block: what was computed for the previous one is forgotten.
func (r *reader) at(block ir.Mem) {
	r.block, r.free, r.side = block, chunk, nil
	r.runs, r.whole = map[spec.Expr]int{}, map[spec.Expr]*ir.Value{}
}

// prepare computes the slow expressions of e that the block needs in slots, before
// registers are taken by accumulators of the block.
func (r *reader) prepare(e spec.Expr) {
	if e == nil || e == r.a.Level {
		return
	}
	if slow(e) {
		if perBlock(e, r.t.Block) {
			r.uniform(e, 0)
			return
		}
		r.fillRuns(e)
		return
	}
	switch e := e.(type) {
	case *spec.Binary:
		r.prepare(e.X)
		r.prepare(e.Y)
	case *spec.Unary:
		r.prepare(e.X)
	}
}

func perBlock(e spec.Expr, block int) bool {
	_, shape := e.Type()
	return shape == spec.Const || shape == spec.Scalar && e.Run()%block == 0 || e.Run()%block == 0
}

// fillRuns evaluates e for every run of the block, 8 at a time.
func (r *reader) fillRuns(e spec.Expr) {
	if _, done := r.runs[e]; done {
		return
	}
	r.runs[e] = r.free
	for g := 0; g < r.t.Block/e.Run(); g += 8 {
		v := r.lanes(e, e.Run(), g)
		r.b.Store(v, ir.At(r.slots, r.free))
		r.free += 32
	}
}

// uniform is e at value i in all lanes; e is the same over the lanes.
func (r *reader) uniform(e spec.Expr, i int) *ir.Value {
	if perBlock(e, r.t.Block) {
		if r.whole[e] == nil {
			r.whole[e] = r.lanes(e, r.t.Block, 0)
		}
		return r.whole[e]
	}
	r.fillRuns(e)
	return r.b.Broadcast(f32s(r.width), r.run(e, i), "run")
}

// run is where the slot keeps e for value i.
func (r *reader) run(e spec.Expr, i int) ir.Mem { return ir.At(r.slots, r.runs[e]+4*(i/e.Run())) }

// lanes evaluates a slow expression with lane l standing for run first+l of length run.
// Integers are carried as f32 where all of them are proven to be exact in it, else as i32.
func (r *reader) lanes(e spec.Expr, run, first int) *ir.Value {
	index := func(l int) int { return min((first+l)*run, r.t.Block-1) }
	n := r.width
	switch {
	case r.abreast > 0:
		n = r.abreast
	case r.t.Block > run:
		n = 8
	}
	ty := f32s(n)
	switch e := e.(type) {
	case *spec.Num:
		return r.b.Const(ty, splatF32(evalLevel(e, 0), n), "const")
	case *spec.PerIndex:
		var c []byte
		for l := range n {
			c = binary.LittleEndian.AppendUint32(c, math.Float32bits(float32(e.I[index(l)])))
		}
		return r.b.Const(ty, c, "const")
	case *spec.Ref:
		if e.Code != nil {
			return r.b.ToF32(r.codeWords(e.Code, index))
		}
		if e.Field != nil {
			return r.field(e.Field, ty)
		}
	case *spec.Call:
		switch {
		case e.Fn == "float" && spec.ExactFloat(e.Args[0]):
			return r.lanes(e.Args[0], run, first)
		case e.Fn == "float":
			return r.b.ToF32(r.computed(e.Args[0], index, n))
		}
	case *spec.Unary:
		if e.Op == "-" {
			return r.b.Xor(r.lanes(e.X, run, first), dwordConst(repeat(0x80000000, n)))
		}
	case *spec.Binary:
		if op, ok := arithmetic[e.Op]; ok {
			return op(r.b, r.lanes(e.X, run, first), r.lanes(e.Y, run, first))
		}
	case *spec.Cond:
		if c, ok := e.If.(*spec.PerIndex); ok {
			return r.choose(c, e, run, first, index, n)
		}
	}
	return r.computed(e, index, n)
}

// computed evaluates any slow expression, an integer in i32 lanes, with lane l standing for value
// index(l).
func (r *reader) computed(e spec.Expr, index func(int) int, n int) *ir.Value {
	run := evaluator{b: r.b, n: n, body: map[string]*ir.Value{}}
	run.leaf = func(x spec.Expr, _ cursor) *ir.Value {
		switch x := x.(type) {
		case *spec.PerIndex:
			words := make([]uint32, n)
			for l := range words {
				words[l] = laneWords(x, index(l), 1)[0]
			}
			return r.b.Const(i32s(n), dwordConst(words), "table")
		case *spec.Call:
			if x.Transform != nil || isFold(x) {
				giveUp("value uses %s over the block", x.Fn)
			}
		case *spec.Ref:
			if x.Field != nil {
				return r.field(x.Field, f32s(n))
			}
			if x.Code == nil || n != 8 {
				giveUp("an integer of %s for %d runs at once", x.Name, n)
			}
			return r.codeWords(x.Code, index)
		}
		return nil
	}
	return run.eval(e, cursor{})
}

// choose is a conditional on i: lanes that agree need no select.
func (r *reader) choose(c *spec.PerIndex, e *spec.Cond, run, first int, index func(int) int, n int) *ir.Value {
	yes, masks := 0, make([]uint32, n)
	for l := range masks {
		if c.I[index(l)] != 0 {
			yes++
			masks[l] = math.MaxUint32
		}
	}
	switch yes {
	case n:
		return r.lanes(e.Then, run, first)
	case 0:
		return r.lanes(e.Else, run, first)
	}
	mask := r.b.Const(i32s(n), dwordConst(masks), "mask")
	return r.b.Select(mask, r.lanes(e.Then, run, first), r.lanes(e.Else, run, first))
}

var arithmetic = map[string]operation{"+": (*ir.Builder).Add, "-": (*ir.Builder).Sub, "*": (*ir.Builder).Mul}

// field is a scalar field in all lanes, or that of each block.
func (r *reader) field(f *spec.Field, ty ir.Type) *ir.Value {
	if r.abreast > 0 && f.Kind == spec.F16 && f.Count == 1 {
		return r.b.StrideF16(ty, r.block.Plus(f.Offset), r.t.Bytes, f.Name)
	}
	loads := map[spec.FieldKind]load{spec.F16: r.b.BcastF16, spec.BF16: r.b.BcastBF16, spec.F32: r.b.Broadcast, spec.E8M0: r.b.BcastE8M0}
	if load, ok := loads[f.Kind]; ok && f.Count == 1 {
		return load(ty, r.block.Plus(f.Offset), f.Name)
	}
	giveUp("field %s is no scalar", f.Name)
	return nil
}

func splatF32(x float32, n int) ir.Lanes { return dwordConst(repeat(math.Float32bits(x), n)) }

func repeat(x uint32, n int) []uint32 {
	c := make([]uint32, n)
	for i := range c {
		c[i] = x
	}
	return c
}
