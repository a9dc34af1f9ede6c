package lower

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// Generating a token multiplies weights with a single row of activations: nothing that is computed
// of a weight serves twice, and what is done beside the products costs as much as they do. So the
// scales of several groups are computed side by side and times those of the activations at once.
// Levels that are a code and a constant stay codes, whose constant meets the sums of the
// activations: sum(scale*(code+off)*x) = scale*sum(code*x) + scale*off*sum(x).

const (
	shortBlocks = 4   // blocks of one chunk that make a turn
	longStep    = 256 // values of a longer block whose scales are computed together
)

// oneRow is what MatmulQ8 for a single row of activations adds to q8.
type oneRow struct {
	blocks  int          // of a turn
	groups  int          // whose scales stand side by side
	grain   int          // values that share a scale and a min: 16, or a chunk
	off     int          // added to a code, where codes are dotted
	codes   bool         // codes are dotted; else signed levels
	factors *ir.Value    // slot for scales times those of the activations, one per grain
	inLanes [2]*ir.Value // the same as vectors, where sums stand side by side
	sums    []*ir.Value  // of chunks that wait for their factors
	shares  *ir.Value    // products of mins, or of scales, with the sums of the activations
	times   float32      // shares times this are part of the result
}

// oneRowOf says how the scales of the type stand side by side, nil where they do not: blocks
// are either one chunk with scalar fields of f16, or whole steps of 256 values.
func oneRowOf(k *q8) *oneRow {
	t, run := k.reader.t, k.reader.a.Run
	levels, _, _ := k.reader.a.int8Levels()
	o := &oneRow{grain: chunk}
	if off, ok := k.reader.a.codesUnsigned(levels); ok {
		o.off, o.codes = off, true
	}
	switch {
	case k.m != 1 || k.group != chunk:
		return nil
	case t.Block == chunk && run == chunk && fieldsF16(k.scale) && fieldsF16(k.min):
		o.blocks, o.groups = shortBlocks, shortBlocks
	case t.Block%longStep == 0:
		o.blocks, o.groups = 1, longStep/chunk
		if run%chunk != 0 {
			o.grain = 16
		}
	default:
		return nil
	}
	o.factors = k.b.Slot(4*o.groups*chunk/o.grain, "factors")
	o.times = 1
	switch minus, ok := k.min.(*spec.Unary); {
	case !k.reader.caps.Folded:
	case k.min == nil && o.off != 0:
		o.times = float32(o.off)
	case ok && minus.Op == "-" && o.off == 0:
		k.min, o.times = minus.X, -1
	}
	return o
}

// codesUnsigned reports whether a level is its code and off, with codes that leave room for the
// sum of two products in 16 bits.
func (a affine) codesUnsigned(levels []int8) (off int, ok bool) {
	off, linear := a.linear(levels)
	return off, linear && !a.Code.Signed && a.Code.Bits <= 7
}

// fieldsF16 reports whether e is arithmetic of scalar fields of f16 and constants.
func fieldsF16(e spec.Expr) bool {
	if e == nil {
		return true
	}
	only := true
	spec.Walk(e, func(e spec.Expr) {
		switch e := e.(type) {
		case *spec.Num, *spec.Unary, *spec.Binary:
		case *spec.Ref:
			only = only && e.Field != nil && e.Field.Kind == spec.F16 && e.Field.Count == 1
		default:
			only = false
		}
	})
	return only
}

// turn adds the products of the blocks of a turn.
func (k *q8) turn(src *ir.Value) {
	o, t := k.one, k.reader.t
	k.reader.caps.Prefetch.ask(k.b, src, o.blocks*t.Bytes) // weights come from memory
	for first := 0; first < o.blocks*t.Block; first += o.groups * chunk {
		k.reader.at(ir.At(src, 0))
		k.factors(first)
		for g := 0; g < o.groups; g++ {
			at := first + g*chunk
			k.reader.at(ir.At(src, at/t.Block*t.Bytes))
			k.sumOne(at, g)
		}
	}
	k.advance(src, o.blocks)
}

// factors stores the scales of the groups from value first of the turn on, times those of the
// activations, and adds the share of the mins and of off.
func (k *q8) factors(first int) {
	o, b := k.one, k.b
	b.Note(fmt.Sprintf("scales of values %d to %d, times those of the activations", first, first+o.groups*chunk-1))
	parts := o.groups * chunk / o.grain / min(ir.VectorLanes, o.groups)
	if k.reader.caps.Folded {
		k.reader.codesAbreast(o.grain, k.scale, k.min)
	}
	for p := range parts {
		scale := k.sideBySide(k.scale, first, p)
		if k.reader.caps.Folded {
			o.inLanes[p] = b.Mul(scale, k.actScales(first, p, parts))
			k.addShares(scale, first, p)
			continue
		}
		factor := b.Load(f32s(o.groups), ir.At(k.d, 4*first/chunk), "d")
		if parts > 1 {
			factor = twice(b, factor, 4*p, ir.VectorLanes)
		}
		b.Store(b.Mul(scale, factor), ir.At(o.factors, ir.VectorBytes*p))
		k.addMins(scale, first, p, parts)
	}
}

// actScales is the scales of the activations for part p: a lane for each grain.
func (k *q8) actScales(first, p, parts int) *ir.Value {
	o, at := k.one, ir.At(k.d, 4*first/chunk)
	if parts == 1 {
		return k.b.Load(f32s(o.groups), at, "d")
	}
	return twice(k.b, k.b.Load(f32s(o.groups/parts), at.Plus(4*o.groups/parts*p), "d"), 0, ir.VectorLanes)
}

// sideBySide is part p of e for the groups from value first on, a lane for each grain.
func (k *q8) sideBySide(e spec.Expr, first, p int) *ir.Value {
	r, o := k.reader, k.one
	if o.blocks > 1 {
		r.abreast = o.groups
		defer func() { r.abreast = 0 }()
		return r.lanes(e, r.t.Block, 0)
	}
	return r.lanes(e, o.grain, first/o.grain+ir.VectorLanes*p)
}

// addMins adds what part p of the mins, and off times the scales, contribute: their products with
// the sums of 16 activations.
func (k *q8) addMins(scale *ir.Value, first, p, parts int) {
	o, b := k.one, k.b
	var mins *ir.Value
	if o.off != 0 {
		mins = b.Mul(scale, splatF32(float32(o.off), scale.Type.Lanes))
	}
	if k.min != nil {
		min := k.sideBySide(k.min, first, p)
		if mins != nil {
			min = b.Add(min, mins)
		}
		mins = min
	}
	if mins == nil {
		return
	}
	sums := ir.At(k.s, 4*first/16)
	if o.grain == 16 {
		b.FMA(k.acc[p%len(k.acc)], mins, b.Load(f32s(ir.VectorLanes), sums.Plus(ir.VectorBytes*p), "s"))
		return
	}
	each := k.lanes / 2
	for h := 0; h < o.groups; h += each { // a sum of 16 for each half of a group
		b.FMA(k.acc[h/each%len(k.acc)], twice(b, mins, h, k.lanes), b.Load(f32s(k.lanes), sums.Plus(8*h), "s"))
	}
}

// addShares does what addMins does, in a sum of its own.
func (k *q8) addShares(scale *ir.Value, first, p int) {
	o, b := k.one, k.b
	var share *ir.Value
	switch {
	case k.min == nil && o.off == 0:
		return
	case k.min == nil:
		share = scale
	case o.off == 0:
		share = k.sideBySide(k.min, first, p)
	default:
		share = b.Add(k.sideBySide(k.min, first, p), b.Mul(scale, splatF32(float32(o.off), scale.Type.Lanes)))
	}
	sums := ir.At(k.s, 4*first/16)
	if o.grain == 16 {
		b.FMA(o.shares, share, b.Load(f32s(ir.VectorLanes), sums.Plus(ir.VectorBytes*p), "s"))
		return
	}
	four := f32s(fours)
	for h := 0; h < o.groups; h += fours {
		both := b.AddPairs(b.Load(four, sums.Plus(8*h), "s"), b.Load(four, sums.Plus(8*h+16), "s"))
		b.FMA(o.shares, fourOf(b, share, h), both)
	}
}

// fourOf is 4 lanes of v from first on.
func fourOf(b *ir.Builder, v *ir.Value, first int) *ir.Value {
	if v.Type.Lanes == fours {
		return v
	}
	at := uint32(first)
	return b.Order(v, dwordConst([]uint32{at, at + 1, at + 2, at + 3}))
}

// twice is the lanes of v from first on, each twice, that fill so many lanes.
func twice(b *ir.Builder, v *ir.Value, first, lanes int) *ir.Value {
	var order []uint32
	for l := range uint32(lanes) {
		order = append(order, uint32(first)+l/2)
	}
	return b.Order(v, dwordConst(order))
}

// addFour adds the sums of the 4 chunks up to chunk g times their factors.
func (k *q8) addFour(g int) {
	o, b := k.one, k.b
	acc := k.acc[g/fours%len(k.acc)]
	if o.grain == chunk {
		b.FMA(acc, b.ToF32(b.Sum4(o.sums...)), fourOf(b, o.inLanes[0], g-3))
	} else {
		b.FMA(acc, b.ToF32(b.SumFours(o.sums...)), o.inLanes[g/fours])
	}
	o.sums = nil
}

// sumOne adds the products of a chunk that starts at value at of the turn and has number g among
// the factors.
func (k *q8) sumOne(at, g int) {
	b, r, o := k.b, k.reader, k.one
	first := at % r.t.Block
	b.Note(fmt.Sprintf("levels of values %d to %d, and their products", at, at+chunk-1))
	var f factor
	if o.codes {
		f.bytes = gatherBytes(b, r.block, r.t, r.a.Code, run(first))
	} else {
		f = signedFactor(b, r.levelBytes(run(first)))
	}
	if k.lanes < ir.VectorLanes && !f.signed {
		f = foldedFactor(b, f.bytes)
	} else if k.lanes < ir.VectorLanes {
		f.folded = true
	} else if r.caps.Folded && !f.signed {
		f = signedFactor(b, f.bytes)
	}
	sum := f.addTo(b, nil, b.Load(bytes(chunk), ir.At(k.q, at), "q"))
	if r.caps.Folded {
		if o.sums = append(o.sums, sum); len(o.sums) == fours {
			b.Note("sums of 4 groups, times their factors")
			k.addFour(g)
		}
		return
	}
	var factor *ir.Value
	if o.grain == chunk {
		factor = b.Broadcast(f32s(ir.VectorLanes), ir.At(o.factors, 4*g), "factor")
	} else {
		factor = b.PairBroadcast(f32s(ir.VectorLanes), ir.At(o.factors, 8*g), ir.At(o.factors, 8*g+4), "factor")
	}
	b.FMA(k.acc[g%len(k.acc)], b.ToF32(sum), factor)
}
