package ir

// The methods of vectors.

func (b *Builder) one(op Op, t Type, x *Value, imm int) *Value {
	return b.result(op, t, "", Instr{Args: []*Value{x}, Imm: imm})
}

func (b *Builder) constant(op Op, t Type, x *Value, c []byte, name string) *Value {
	return b.result(op, t, name, Instr{Args: []*Value{x}, Const: c})
}

func (b *Builder) several(op Op, t Type, imm int, args ...*Value) *Value {
	return b.result(op, t, "", Instr{Args: args, Imm: imm})
}

// As is the bits of x as another type of the same size.
func (b *Builder) As(t Type, x *Value) *Value {
	return b.result(OpAs, t, x.Name, Instr{Args: []*Value{x}})
}

// Bits.

func (b *Builder) And(x *Value, y Operand) *Value { return b.pair(OpAnd, x.Type, x, y, 0) }
func (b *Builder) Or(x *Value, y Operand) *Value  { return b.pair(OpOr, x.Type, x, y, 0) }
func (b *Builder) Xor(x *Value, y Operand) *Value { return b.pair(OpXor, x.Type, x, y, 0) }

// Shr shifts zeros in, Sar the sign. ShrVar and ShlVar shift each lane by its own number of bits.
func (b *Builder) Shr(x *Value, n int) *Value { return b.one(OpShr, x.Type, x, n) }
func (b *Builder) Shl(x *Value, n int) *Value { return b.one(OpShl, x.Type, x, n) }
func (b *Builder) Sar(x *Value, n int) *Value { return b.one(OpSar, x.Type, x, n) }
func (b *Builder) ShrVar(x *Value, n []byte) *Value {
	return b.constant(OpShrVar, x.Type, x, n, "")
}
func (b *Builder) ShlVar(x *Value, n []byte) *Value {
	return b.constant(OpShlVar, x.Type, x, n, "")
}

// Bytes.

func (b *Builder) Shuffle(x *Value, index []byte) *Value {
	return b.constant(OpShuffle, x.Type, x, index, "")
}
func (b *Builder) AddB(x *Value, c []byte) *Value { return b.constant(OpAddB, x.Type, x, c, "") }
func (b *Builder) EqB(x *Value, c []byte) *Value  { return b.constant(OpEqB, x.Type, x, c, "") }
func (b *Builder) ShiftB(x *Value, n []byte) *Value {
	return b.constant(OpShiftB, x.Type, x, n, "")
}
func (b *Builder) AbsB(x *Value) *Value       { return b.one(OpAbsB, x.Type, x, 0) }
func (b *Builder) SumB(x, y *Value) *Value    { return b.several(OpSumB, x.Type, 0, x, y) }
func (b *Builder) SignB(x, y *Value) *Value   { return b.several(OpSignB, x.Type, 0, x, y) }
func (b *Builder) Average(x, y *Value) *Value { return b.several(OpAverage, x.Type, 0, x, y) }

// Table16 looks bytes up in a table of 16; SelectBit is bit n of index ? x : y, byte by byte.
func (b *Builder) Table16(index *Value, table []byte, name string) *Value {
	return b.constant(OpTable16, index.Type, index, table, name)
}
func (b *Builder) SelectBit(index, x, y *Value, n int) *Value {
	return b.several(OpSelectBit, x.Type, n, index, x, y)
}

// ZipWords is 2 bytes of x, 2 of y and so on, from half h of each 16.
func (b *Builder) ZipWords(x, y *Value, h int) *Value {
	return b.several(OpZipWords, x.Type, h, x, y)
}

// Products of bytes, x unsigned and y signed: sums of 4 as i32, or of 2 as i16.
func (b *Builder) DotU8S8(x, y *Value) *Value { return b.several(OpDotU8S8, of(I32, x.Type), 0, x, y) }
func (b *Builder) PairsU8S8(x, y *Value) *Value {
	return b.several(OpPairsU8S8, of(I16, x.Type), 0, x, y)
}

// Factor makes x the first factor of DotS8 and DotS8Acc.
func (b *Builder) Factor(x *Value) *Value    { return b.one(OpFactor, x.Type, x, 0) }
func (b *Builder) DotS8(x, y *Value) *Value  { return b.several(OpDotS8, of(I32, x.Type), 0, x, y) }
func (b *Builder) DotS8Acc(acc, x, y *Value) { b.effect(OpDotS8Acc, Instr{Args: []*Value{acc, x, y}}) }
func (b *Builder) FoldS8(x, y *Value) *Value {
	return b.several(OpFoldS8, Type{I32, x.Type.Lanes / 8}, 0, x, y)
}
func (b *Builder) FoldS8Acc(acc, x, y *Value) {
	b.effect(OpFoldS8Acc, Instr{Args: []*Value{acc, x, y}})
}
func (b *Builder) DotAcc(acc, x, y *Value) { b.effect(OpDotAcc, Instr{Args: []*Value{acc, x, y}}) }

// Integers of 16 and 32 bits.

func (b *Builder) WidenPairs(x *Value) *Value { return b.one(OpWidenPairs, of(I32, x.Type), x, 0) }
func (b *Builder) PairsAcc(acc, x, y *Value)  { b.effect(OpPairsAcc, Instr{Args: []*Value{acc, x, y}}) }
func (b *Builder) Accumulate(acc, x *Value)   { b.effect(OpAccumulate, Instr{Args: []*Value{acc, x}}) }
func (b *Builder) AddPairs(x, y *Value) *Value {
	return b.several(OpAddPairs, x.Type, 0, x, y)
}

func (b *Builder) AddI(x *Value, y Operand) *Value { return b.pair(OpAddI, x.Type, x, y, 0) }
func (b *Builder) SubI(x *Value, y Operand) *Value { return b.pair(OpSubI, x.Type, x, y, 0) }
func (b *Builder) MulI(x *Value, y Operand) *Value { return b.pair(OpMulI, x.Type, x, y, 0) }
func (b *Builder) MinI(x *Value, y Operand) *Value { return b.pair(OpMinI, x.Type, x, y, 0) }
func (b *Builder) MaxI(x *Value, y Operand) *Value { return b.pair(OpMaxI, x.Type, x, y, 0) }
func (b *Builder) DivI(x, y *Value) *Value         { return b.several(OpDivI, x.Type, 0, x, y) }
func (b *Builder) AbsI(x *Value) *Value            { return b.one(OpAbsI, x.Type, x, 0) }

// Pack4, PackS2 and PackS4 narrow the lanes of their arguments, in order.
func (b *Builder) Pack4(x ...*Value) *Value {
	return b.several(OpPack4, Type{I8, 4 * x[0].Type.Lanes}, 0, x...)
}
func (b *Builder) PackS2(x, y *Value) *Value {
	return b.several(OpPackS2, Type{I16, 2 * x.Type.Lanes}, 0, x, y)
}
func (b *Builder) PackS4(x ...*Value) *Value {
	return b.several(OpPackS4, Type{I8, 4 * x[0].Type.Lanes}, 0, x...)
}

// Floats, one rounding each.

func (b *Builder) Add(x *Value, y Operand) *Value  { return b.pair(OpAdd, x.Type, x, y, 0) }
func (b *Builder) Sub(x *Value, y Operand) *Value  { return b.pair(OpSub, x.Type, x, y, 0) }
func (b *Builder) Mul(x *Value, y Operand) *Value  { return b.pair(OpMul, x.Type, x, y, 0) }
func (b *Builder) Div(x *Value, y Operand) *Value  { return b.pair(OpDiv, x.Type, x, y, 0) }
func (b *Builder) MinF(x *Value, y Operand) *Value { return b.pair(OpMinF, x.Type, x, y, 0) }
func (b *Builder) MaxF(x *Value, y Operand) *Value { return b.pair(OpMaxF, x.Type, x, y, 0) }
func (b *Builder) Sqrt(x *Value) *Value            { return b.one(OpSqrt, x.Type, x, 0) }
func (b *Builder) Floor(x *Value) *Value           { return b.one(OpFloor, x.Type, x, 0) }

// FMA is acc += x*y, Raise acc = max(acc, x), AddSquares the addition of the squares of half h of
// x.
func (b *Builder) FMA(acc, x, y *Value) { b.effect(OpFMA, Instr{Args: []*Value{acc, x, y}}) }
func (b *Builder) Raise(acc, x *Value)  { b.effect(OpRaise, Instr{Args: []*Value{acc, x}}) }
func (b *Builder) AddSquares(acc, x *Value, h int) {
	b.effect(OpAddSquares, Instr{Args: []*Value{acc, x}, Imm: h})
}

// Conversions between f32 and i32.

func (b *Builder) ToF32(x *Value) *Value    { return b.one(OpToF32, of(F32, x.Type), x, 0) }
func (b *Builder) TruncI(x *Value) *Value   { return b.one(OpTruncI, of(I32, x.Type), x, 0) }
func (b *Builder) RintI(x *Value) *Value    { return b.one(OpRintI, of(I32, x.Type), x, 0) }
func (b *Builder) ToF16(x *Value) *Value    { return b.one(OpToF16, of(I32, x.Type), x, 0) }
func (b *Builder) ToBF16(x *Value) *Value   { return b.one(OpToBF16, of(I32, x.Type), x, 0) }
func (b *Builder) RoundF16(x *Value) *Value { return b.one(OpRoundF16, x.Type, x, 0) }

// TableF32 and Levels look floats up: in a constant of at most 64, in memory.
func (b *Builder) TableF32(index *Value, table []byte, name string) *Value {
	return b.constant(OpTableF32, of(F32, index.Type), index, table, name)
}
func (b *Builder) Levels(index *Value, m Mem) *Value {
	return b.result(OpLevels, of(F32, index.Type), "", Instr{Args: []*Value{index}, Mem: m})
}

// Levels8 looks 8 bytes up by every second lane.
func (b *Builder) Levels8(index *Value, m Mem) *Value {
	return b.result(OpLevels8, of(F32, index.Type), "", Instr{Args: []*Value{index}, Mem: m})
}

// Masks and choices.

func (b *Builder) CompareF(x *Value, rel Relation, y Operand) *Value {
	return b.pair(OpCompareF, of(I32, x.Type), x, y, rel)
}
func (b *Builder) CompareI(x *Value, rel Relation, y Operand) *Value {
	return b.pair(OpCompareI, of(I32, x.Type), x, y, rel)
}
func (b *Builder) Select(mask, x, y *Value) *Value { return b.several(OpSelect, x.Type, 0, mask, x, y) }

// First is a mask of lanes lanes, of which those below n are set.
func (b *Builder) First(n *Value, lanes int) *Value { return b.one(OpFirst, Type{I32, lanes}, n, 0) }

// Between lanes.

// Swap exchanges lanes h apart; Merge takes lane l of y where l&h is not 0, else of x.
func (b *Builder) Swap(x *Value, h int) *Value     { return b.one(OpSwap, x.Type, x, h) }
func (b *Builder) Merge(x, y *Value, h int) *Value { return b.several(OpMerge, x.Type, h, x, y) }

// Order picks a lane of x for each word of lanes.
func (b *Builder) Order(x *Value, lanes []byte) *Value {
	return b.constant(OpOrder, Type{x.Type.Elem, len(lanes) / 4}, x, lanes, "")
}

// Zip is lanes of x and y in turn, from half h.
func (b *Builder) Zip(x, y *Value, h int) *Value { return b.several(OpZip, x.Type, h, x, y) }

// Sum4 is the sums of the lanes of 4 vectors.
func (b *Builder) Sum4(x ...*Value) *Value {
	return b.several(OpSum4, Type{x[0].Type.Elem, 4}, 0, x...)
}

// SumFours is the sums of each 4 lanes of 4 vectors.
func (b *Builder) SumFours(x ...*Value) *Value { return b.several(OpSumFours, x[0].Type, 0, x...) }

// Transpose exchanges lane l of vector k and lane k of vector l, in place.
func (b *Builder) Transpose(x ...*Value) { b.effect(OpTranspose, Instr{Args: x}) }
