package lower

import (
	"math"
	"slices"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// Types for the cache alone have one scale per block, and most heads are one block. For these
// MatmulQ8Block does what MatmulQ8 does with half the work: the products of a block are summed as
// integers, and four rows are scaled together. Where the levels are integers or there are at most
// 16, they are made unsigned by taking off the smallest, and quants are halved. 7 bits leave room
// for both in sums of 16 bits. The error of a quant, some 1.2 % of a value, stays far below the 9 %
// of a level of 4 bits. Larger tables of floats, already rounded once, keep quants of 8 bits and
// signed levels.

// coarse is the number of bits of a code up to which levels are farther apart than quants of 7
// bits.
const coarse = 4

// MatmulQ8Block is y[j][r] = sum over i of x[j][i]*w[r][i] for rows that are one block.
func MatmulQ8Block(t *spec.Type, c Caps, m int, name string) *ir.Func {
	group := ActGroup(t)
	if group != t.Block || group <= chunk {
		giveUp("a row is more than one group of activations")
	}
	b := ir.Build(name, foursParams, foursDoc(name, m, " of one block")...)
	k := &oneBlock{b: b, r: newReader(b, c, t), t: t, m: m}
	k.prologue()
	y, w, rows := b.Param(0), b.Param(5), b.Param(7)
	b.Loop(rows, fours, func() {
		b.Note("integer sums of 4 rows")
		four := b.ZeroWord("four")
		b.AddImm(four, fours)
		to := b.Copy(k.sums, "to")
		norm := b.Copy(k.norms, "norm")
		b.Loop(four, 1, func() {
			k.row(w, to, norm)
			b.AddImm(to, ir.VectorBytes)
			b.AddImm(norm, ir.VectorBytes)
			b.AddInt(w, b.Param(6))
		})
		k.finish(y)
	})
	return b.F
}

// oneBlock is the state of one MatmulQ8Block.
type oneBlock struct {
	b *ir.Builder
	r *reader
	t *spec.Type
	m int

	order              order     // of levels and quants
	q, d               *ir.Value // quants and scales
	sums, norms, fixed *ir.Value // [m][4][8] i32, [4] f32, [m] f32
	scale              spec.Expr
	halved             bool // unsigned levels and quants of 7 bits
	lanes              int  // of a vector of sums
	levels             []byte
	least              int
}

// prologue reserves the frame, halves the quants and computes what the smallest level
// adds to each row of y.
func (k *oneBlock) prologue() {
	b := k.b
	levels, factor, exact := k.r.a.int8Levels()
	k.scale = scaled(k.r.a.Scale, factor, k.t)
	if k.r.a.Min != nil {
		giveUp("a min beside the scale")
	}
	k.sums = b.Slot(ir.VectorBytes*fours*k.m, "sums")
	k.norms = b.Slot(ir.VectorBytes*fours, "norms")
	k.q, k.d = b.Param(2), b.Param(3)
	k.order = cheapest(k.r.caps, k.t, k.r.a)
	k.lanes = ir.VectorLanes
	if k.r.caps.Folded && int(slices.Max(levels))-min(0, int(slices.Min(levels))) <= math.MaxInt8 {
		k.lanes /= 2
	}
	if k.halved = k.r.a.points == nil && (exact || k.r.a.Code.Bits <= coarse); !k.halved {
		k.arrange()
		return
	}
	for _, l := range levels {
		k.least = min(k.least, int(l))
	}
	k.levels = make([]byte, max(16, len(levels)))
	for i, l := range levels {
		k.levels[i] = byte(int(l) - k.least)
	}
	k.fixed = b.Slot(ir.VectorBytes, "fixed")
	whole := k.q
	k.q = b.Slot(k.m*k.t.Block, "halves")
	b.Note("halves: quants over 2, to even; fixed: the smallest level times their sum")
	ones := b.Const(bytes(chunk), splatByte(1), "ones")
	for j := range k.m {
		var sum *ir.Value
		for c, values := range k.order {
			h := k.half(arranged(b, ir.At(whole, j*k.t.Block), values))
			b.Store(h, ir.At(k.q, j*k.t.Block+c*chunk))
			if sum == nil {
				sum = b.DotU8S8(ones, h)
			} else {
				b.DotAcc(sum, ones, h)
			}
		}
		least := b.Const(f32s(ir.VectorLanes), splatF32(float32(k.least), ir.VectorLanes), "least")
		v := b.Mul(b.ToF32(sum), least)
		b.HSum(v, ir.At(k.fixed, 4*j))
	}
}

// arrange puts whole quants in the order of the levels.
func (k *oneBlock) arrange() {
	if k.order.isNatural() {
		return
	}
	b, whole := k.b, k.q
	k.q = b.Slot(k.m*k.t.Block, "ordered")
	b.Note("ordered: quants in the order in which levels come")
	for j := range k.m {
		for c, values := range k.order {
			b.Store(arranged(b, ir.At(whole, j*k.t.Block), values), ir.At(k.q, j*k.t.Block+c*chunk))
		}
	}
}

// half is q/2 rounded to even: the average of q+128 and 127 or 128, by the second bit of q.
func (k *oneBlock) half(q *ir.Value) *ir.Value {
	b := k.b
	odd := b.Shr(b.And(q, splatByte(2)), 1)
	odd = b.AddB(odd, splatByte(127))
	q = b.Average(b.Xor(q, splatByte(0x80)), odd)
	return b.Xor(q, splatByte(0x80))
}

// row leaves the sums of level*quant of one row in slots, in 8 lanes, and its scale.
func (k *oneBlock) row(w, to, norm *ir.Value) {
	b := k.b
	k.r.caps.Prefetch.ask(b, w, 1)
	k.r.at(ir.At(w, 0))
	sums := make([]*ir.Value, k.m)
	for c, values := range k.order {
		b.Note("levels of " + describe(values) + ", and their products")
		f := k.levelsOf(values)
		switch {
		case k.lanes == ir.VectorLanes:
		case f.signed:
			f.folded = true
		default:
			f = foldedFactor(b, f.bytes)
		}
		for j := range sums {
			sums[j] = f.addTo(b, sums[j], b.Load(bytes(chunk), ir.At(k.q, j*k.t.Block+c*chunk), "q"))
		}
	}
	for j, s := range sums {
		b.Store(s, ir.At(to, ir.VectorBytes*fours*j))
	}
	// in all lanes: a load of 4 stores of one lane would wait for these
	b.Store(k.r.uniform(k.scale, 0), ir.At(norm, 0))
}

// levelsOf gives levels as bytes, unsigned where quants are halved.
func (k *oneBlock) levelsOf(values []int) factor {
	if !k.halved {
		return signedFactor(k.b, k.r.levelBytes(values))
	}
	codes := gatherBytes(k.b, k.r.block, k.t, k.r.a.Code, values)
	switch {
	case k.r.isLinear() && k.r.a.Code.Signed:
		return factor{bytes: k.b.Xor(codes, splatByte(byte(1<<(k.r.a.Code.Bits-1))))}
	case k.r.isLinear():
		return factor{bytes: codes}
	}
	return factor{bytes: k.r.lookup(codes, k.levels)}
}

// finish sums the lanes of 4 rows together and scales them.
func (k *oneBlock) finish(y *ir.Value) {
	b, four := k.b, f32s(fours)
	b.Note("four results for each row of y")
	norms := make([]*ir.Value, fours)
	for r := range norms {
		norms[r] = b.Load(four, ir.At(k.norms, ir.VectorBytes*r), "norm")
	}
	merge := func(x, y *ir.Value, lane int) *ir.Value {
		return b.Merge(x, y, lane)
	}
	scale := merge(merge(norms[0], norms[1], 1), merge(norms[2], norms[3], 1), 2)
	if k.halved {
		scale = b.Add(scale, scale)
	}
	writeFours(b, y, 1, k.m, func(j int) *ir.Value {
		v := b.ToF32(b.Sum4(loadFours(b, i32s(k.lanes), k.sums, j)...))
		if k.halved {
			v = b.Add(v, b.Broadcast(four, ir.At(k.fixed, 4*j), "fixed"))
		}
		v = b.Mul(v, b.Broadcast(four, ir.At(k.d, 4*j), "d"))
		return b.Mul(v, scale)
	})
}
