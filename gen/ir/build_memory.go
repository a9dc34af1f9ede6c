package ir

// The methods of addresses, words and memory. What an operation means exactly stands with it in
// the table.

// Param reads parameter i.
func (b *Builder) Param(i int) *Value {
	p := b.F.Params[i]
	return b.result(OpParam, p.Type, p.Name, Instr{Imm: i})
}

// Slot reserves n bytes of the frame.
func (b *Builder) Slot(n int, name string) *Value {
	return b.result(OpSlot, Type{Addr, 1}, name, Instr{Imm: n})
}

// Table is the address of c, which is kept with the code.
func (b *Builder) Table(c []byte, name string) *Value {
	return b.result(OpTable, Type{Addr, 1}, name, Instr{Const: c})
}

// Copy is a second cursor that starts at v.
func (b *Builder) Copy(v *Value, name string) *Value {
	return b.result(OpCopy, v.Type, name, Instr{Args: []*Value{v}})
}

// ZeroWord is a word that starts at 0.
func (b *Builder) ZeroWord(name string) *Value {
	return b.result(OpZero, Type{Word, 1}, name, Instr{})
}

// AddImm, AddInt and Align move a cursor in place: by n bytes, by a word, up to a multiple of n.
func (b *Builder) AddImm(v *Value, n int) { b.effect(OpAddImm, Instr{Args: []*Value{v}, Imm: n}) }
func (b *Builder) AddInt(v, n *Value)     { b.effect(OpAddInt, Instr{Args: []*Value{v, n}}) }
func (b *Builder) Align(v *Value, n int)  { b.effect(OpAlign, Instr{Args: []*Value{v}, Imm: n}) }

// Const is a vector constant.
func (b *Builder) Const(t Type, c []byte, name string) *Value {
	return b.result(OpConst, t, name, Instr{Const: c})
}

// Zero is a vector of zeros.
func (b *Builder) Zero(t Type, name string) *Value { return b.result(OpZero, t, name, Instr{}) }

func (b *Builder) read(op Op, t Type, m Mem, imm int, name string) *Value {
	return b.result(op, t, name, Instr{Mem: m, Imm: imm})
}

// Load is the lanes at m; LoadLow the first n of them, and then zeros.
func (b *Builder) Load(t Type, m Mem, name string) *Value { return b.read(OpLoad, t, m, 0, name) }
func (b *Builder) LoadLow(t Type, m Mem, n int, name string) *Value {
	return b.read(OpLoadLow, t, m, n, name)
}

// LoadF16 and LoadBF16 are numbers of 16 bits as f32.
func (b *Builder) LoadF16(t Type, m Mem, name string) *Value {
	return b.read(OpLoadF16, t, m, 0, name)
}
func (b *Builder) LoadBF16(t Type, m Mem, name string) *Value {
	return b.read(OpLoadBF16, t, m, 0, name)
}

// StrideF16 is an f16 of each of 4 blocks, stride bytes apart, as f32.
func (b *Builder) StrideF16(t Type, m Mem, stride int, name string) *Value {
	return b.read(OpStrideF16, t, m, stride, name)
}

// Broadcast is the 4 bytes at m in all lanes; its kin read a number of a type of storage.
func (b *Builder) Broadcast(t Type, m Mem, name string) *Value {
	return b.read(OpBroadcast, t, m, 0, name)
}
func (b *Builder) BcastF16(t Type, m Mem, name string) *Value {
	return b.read(OpBcastF16, t, m, 0, name)
}
func (b *Builder) BcastBF16(t Type, m Mem, name string) *Value {
	return b.read(OpBcastBF16, t, m, 0, name)
}
func (b *Builder) BcastE8M0(t Type, m Mem, name string) *Value {
	return b.read(OpBcastE8M0, t, m, 0, name)
}

// PairBroadcast is the f32 at lo in the low half of the lanes and the one at hi in the high half.
func (b *Builder) PairBroadcast(t Type, lo, hi Mem, name string) *Value {
	return b.result(OpPairBroadcast, t, name, Instr{Mem: lo, Mem2: hi})
}

// LoadDup is n bytes, repeated over the lanes; LoadBytes n < 16 bytes in each 16, zeros beyond
// them.
func (b *Builder) LoadDup(t Type, m Mem, n int, name string) *Value {
	return b.read(OpLoadDup, t, m, n, name)
}
func (b *Builder) LoadBytes(t Type, m Mem, n int, name string) *Value {
	return b.read(OpLoadBytes, t, m, n, name)
}

// LoadPair is 16 bytes at lo in the low half, 16 bytes at hi in the high half.
func (b *Builder) LoadPair(t Type, lo, hi Mem, name string) *Value {
	return b.result(OpLoadPair, t, name, Instr{Mem: lo, Mem2: hi})
}

// WidenS8 and WidenU8 are bytes as i32.
func (b *Builder) WidenS8(t Type, m Mem, name string) *Value {
	return b.read(OpWidenS8, t, m, 0, name)
}
func (b *Builder) WidenU8(t Type, m Mem, name string) *Value {
	return b.read(OpWidenU8, t, m, 0, name)
}

// Gather is the 32-bit words at m and offsets, which are bytes.
func (b *Builder) Gather(t Type, m Mem, offsets []byte, name string) *Value {
	return b.result(OpGather, t, name, Instr{Mem: m, Const: offsets})
}

// LoadWhere is the lanes at m where the mask is set, else 0.
func (b *Builder) LoadWhere(t Type, mask *Value, m Mem, name string) *Value {
	return b.result(OpLoadWhere, t, name, Instr{Args: []*Value{mask}, Mem: m})
}

// Prefetch says that the bytes at m are read soon.
func (b *Builder) Prefetch(m Mem) { b.effect(OpPrefetch, Instr{Mem: m}) }

func (b *Builder) write(op Op, m Mem, imm int, args ...*Value) {
	b.effect(op, Instr{Args: args, Mem: m, Imm: imm})
}

// Store writes a vector, StoreLow its first n bytes, StoreWhere the lanes where the mask is set.
func (b *Builder) Store(v *Value, m Mem)             { b.write(OpStore, m, 0, v) }
func (b *Builder) StoreLow(v *Value, m Mem, n int)   { b.write(OpStoreLow, m, n, v) }
func (b *Builder) StoreWhere(v, mask *Value, m Mem)  { b.write(OpStoreWhere, m, 0, v, mask) }
func (b *Builder) StoreHalves(v *Value, m Mem)       { b.write(OpStoreHalves, m, 0, v) }
func (b *Builder) HSum(v *Value, m Mem)              { b.write(OpHSum, m, 0, v) }
func (b *Builder) Scatter(m Mem, n int, v ...*Value) { b.write(OpScatter, m, n, v...) }

// ScatterHalf and ScatterByte write a piece of each lane, n bytes apart; so does Scatter, of whole
// words of one vector, or of 2 or 4, which it uses up.
func (b *Builder) ScatterHalf(m Mem, n int, v *Value) { b.write(OpScatterHalf, m, n, v) }
func (b *Builder) ScatterByte(m Mem, n int, v *Value) { b.write(OpScatterByte, m, n, v) }
