package lower

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// levelBytes is the int8 level of 32 values of the block, rounded to int8 when the
// table is one of floats (int8Levels).
func (r *reader) levelBytes(values []int) *ir.Value {
	if r.a.points != nil {
		return r.pointBytes(values)
	}
	codes := gatherBytes(r.b, r.block, r.t, r.a.Code, values)
	levels, _, _ := r.a.int8Levels()
	if off, ok := linearLevels(levels, r.a.Code.Signed); ok {
		// (c ^ sign) - sign extends the sign
		if sign := 1 << (r.a.Code.Bits - 1); r.a.Code.Signed && sign < 0x80 {
			codes = r.b.Xor(codes, splatByte(byte(sign)))
			off -= sign
		}
		if off == 0 {
			return codes
		}
		return r.b.AddB(codes, splatByte(byte(off)))
	}
	table := make([]byte, max(16, len(levels)))
	for i, l := range levels {
		table[i] = byte(l)
	}
	return r.lookup(codes, table)
}

// lookup is table[codes] by tables of 16 and a select for each further bit.
func (r *reader) lookup(codes *ir.Value, table []byte) *ir.Value {
	if len(table) == 16 {
		return r.b.Table16(codes, table, "levels")
	}
	if len(table) > 64 {
		giveUp("a table of %d levels", len(table))
	}
	half, bit := len(table)/2, 3
	for 1<<bit < half {
		bit++
	}
	lo, hi := r.lookup(codes, table[:half]), r.lookup(codes, table[half:])
	return r.b.SelectBit(codes, hi, lo, bit)
}

func negativeZero(v float32) bool { return v == 0 && math.Signbit(float64(v)) }

// linear reports whether a level, which levels are as bytes, is its code and off.
func (a affine) linear(levels []int8) (off int, ok bool) {
	if a.points != nil {
		return 0, false
	}
	return linearLevels(levels, a.Code.Signed)
}

// linearLevels reports whether level = code + off.
func linearLevels(levels []int8, signed bool) (off int, ok bool) {
	off = int(levels[0])
	for c, l := range levels {
		v := c
		if signed && c >= len(levels)/2 {
			v = c - len(levels)
		}
		if int(l) != v+off {
			return 0, false
		}
	}
	return off, true
}

// levelPieces gives the exact level of values first.. in f32 lanes, one vector at a
// time, for a run of count values (a multiple of the lanes).
func (r *reader) levelPieces(first, count int) func(piece int) *ir.Value {
	n := ir.VectorLanes
	_, _, exact := r.a.int8Levels()
	exact = exact && !slices.ContainsFunc(r.a.Levels, negativeZero) // which no byte holds
	base := first / chunk * chunk
	r.b.Note(fmt.Sprintf("levels of values %d to %d", first, first+count-1))
	at := func(p int) ir.Mem { return ir.At(r.slots, first-base+n*p) }
	if p := r.a.points; p != nil && (r.t.Block%chunk != 0 || first+count > base+chunk || !r.rounded && !p.exact(r.a.Levels)) {
		giveUp("points whose values are read one by one")
	} else if p != nil {
		r.b.Store(r.levelBytes(run(base)), ir.At(r.slots, 0))
		return func(k int) *ir.Value { return r.b.ToF32(r.b.WidenS8(i32s(n), at(k), "level")) }
	}
	bytewise := r.t.Block%chunk == 0 && first+count <= base+chunk && r.a.Code.Bits <= 8
	switch {
	case bytewise && (exact || r.rounded) && (len(r.a.Levels) <= 64 || r.isLinear()):
		r.b.Store(r.levelBytes(run(base)), ir.At(r.slots, 0))
		return func(p int) *ir.Value {
			return r.b.ToF32(r.b.WidenS8(i32s(n), at(p), "level"))
		}
	case bytewise && !r.a.Code.Signed && !r.rounded:
		r.b.Store(gatherBytes(r.b, r.block, r.t, r.a.Code, run(base)), ir.At(r.slots, 0))
		return func(p int) *ir.Value {
			return r.levelOf(r.b.WidenU8(i32s(n), at(p), "code"))
		}
	case r.rounded:
		giveUp("levels of %d bits that no table of bytes holds", r.a.Code.Bits)
	}
	return func(p int) *ir.Value {
		return r.levelOf(gatherWords(r.b, r.block, r.t, r.a.Code, func(l int) int { return first + n*p + l }))
	}
}

// isLinear reports whether the levels are codes plus a whole number, not only after rounding.
func (r *reader) isLinear() bool {
	levels, _, exact := r.a.int8Levels()
	_, ok := r.a.linear(levels)
	return ok && exact
}

// levelOf is the exact level of codes in i32 lanes.
func (r *reader) levelOf(codes *ir.Value) *ir.Value {
	n := codes.Type.Lanes
	off, straight := r.a.Levels[0], true
	for c, l := range r.a.Levels {
		v := c
		if r.a.Code.Signed && c >= len(r.a.Levels)/2 {
			v = c - len(r.a.Levels)
		}
		straight = straight && l == float32(v)+off && l == float32(math.Trunc(float64(l))) && !negativeZero(l)
	}
	if straight {
		if off != 0 {
			codes = r.b.AddI(codes, dwordConst(repeat(uint32(int32(off)), n)))
		}
		return r.b.ToF32(codes)
	}
	if len(r.a.Levels) > 64 {
		giveUp("a float table of %d levels", len(r.a.Levels))
	}
	if r.a.Code.Signed {
		codes = r.b.And(codes, ir.Splat(uint32(len(r.a.Levels)-1)))
	}
	var table []byte
	for _, l := range r.a.Levels {
		table = binary.LittleEndian.AppendUint32(table, math.Float32bits(l))
	}
	return r.b.TableF32(codes, table, "level")
}

// value is Value at i..i+lanes-1 in the order of the spec, given its level.
func (r *reader) value(e spec.Expr, level *ir.Value, i int) *ir.Value {
	switch {
	case e == r.a.Level:
		return level
	case slow(e):
		return r.uniform(e, i)
	}
	switch e := e.(type) {
	case *spec.Binary:
		if op, ok := arithmetic[e.Op]; ok {
			return op(r.b, r.value(e.X, level, i), r.value(e.Y, level, i))
		}
	case *spec.Unary:
		if e.Op == "-" {
			x := r.value(e.X, level, i)
			return r.b.Xor(x, dwordConst(repeat(0x80000000, x.Type.Lanes)))
		}
	}
	giveUp("value uses an operation that vector code does not have")
	return nil
}

// pieces visits the f32 values of a unit, a vector at a time in natural order.
func (r *reader) pieces(u unit, at ir.Mem, visit func(i int, v *ir.Value)) {
	n := ir.VectorLanes
	r.at(at)
	if u.t.Block == 1 {
		visit(0, r.floats(at))
		return
	}
	if r.plain {
		for i := 0; i < u.t.Block; i += n {
			r.b.Note(fmt.Sprintf("values %d to %d", i, i+n-1))
			visit(i, r.plainValue(i))
		}
		return
	}
	r.b.Note("scales of the block")
	r.prepare(u.t.Value)
	step := n
	if u.t.Block%chunk == 0 {
		step = chunk
	}
	for i := 0; i < u.t.Block; i += step {
		level := r.levelPieces(i, step)
		for p := range step / n {
			visit(i+n*p, r.value(u.t.Value, level(p), i+n*p))
		}
	}
}

// floats loads a vector of a plain float type.
func (r *reader) floats(at ir.Mem) *ir.Value {
	ref, ok := r.t.Value.(*spec.Ref)
	if !ok || ref.Field == nil || ref.Field.Bytes != r.t.Bytes {
		giveUp("a block of one value is more than its field")
	}
	loads := map[spec.FieldKind]load{spec.F16: r.b.LoadF16, spec.BF16: r.b.LoadBF16, spec.F32: r.b.Load}
	if load, ok := loads[ref.Field.Kind]; ok {
		return load(f32s(ir.VectorLanes), at, "value")
	}
	giveUp("no vector load for the field %s", ref.Field.Name)
	return nil
}
