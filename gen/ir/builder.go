package ir

import "fmt"

// Builder appends to a function. Its methods are the operations of op.go.
type Builder struct {
	F     *Func
	block *[]Node
	nodes int
}

// MaxNodes is the number of operations of a kernel; the longest of the project's types has some thousands. A type that takes more, with
// statements for every other value of a long block, would take minutes to compile and miss every instruction cache.
const MaxNodes = 40_000

// TooLong is what a Builder panics with beyond MaxNodes.
type TooLong struct{}

func (TooLong) Error() string { return fmt.Sprintf("more than %d operations", MaxNodes) }

// Build starts a function.
func Build(name string, params []Param, doc ...string) *Builder {
	f := &Func{Name: name, Params: params, Doc: doc}
	return &Builder{F: f, block: &f.Body}
}

func (b *Builder) add(n Node) {
	if b.nodes++; b.nodes > MaxNodes {
		panic(TooLong{})
	}
	*b.block = append(*b.block, n)
}

func (b *Builder) value(t Type, name string) *Value {
	b.F.values++
	return &Value{ID: b.F.values, Type: t, Name: name}
}

// Op appends an operation with a result.
func (b *Builder) Op(op Op, t Type, name string, in Instr) *Value {
	in.Op, in.Dst = op, b.value(t, name)
	b.add(&in)
	return in.Dst
}

// Do appends an operation without a result.
func (b *Builder) Do(op Op, in Instr) { in.Op = op; b.add(&in) }

// Note comments on the phase that follows.
func (b *Builder) Note(s string) { b.add(Note(s)) }

// Loop appends a loop; body fills it.
func (b *Builder) Loop(count *Value, step int, body func()) {
	l := &Loop{Count: count, Step: step}
	b.add(l)
	outer := b.block
	b.block = &l.Body
	body()
	b.block = outer
}

// Param reads parameter i.
func (b *Builder) Param(i int) *Value {
	p := b.F.Params[i]
	return b.Op(OpParam, p.Type, p.Name, Instr{Imm: i})
}

// Slot reserves n bytes of the frame.
func (b *Builder) Slot(n int, name string) *Value {
	return b.Op(OpSlot, Type{Addr, 1}, name, Instr{Imm: n})
}

// Copy is a second cursor that starts at v.
func (b *Builder) Copy(v *Value, name string) *Value {
	return b.Op(OpCopy, v.Type, name, Instr{Args: []*Value{v}})
}

// AddImm and AddInt move a cursor in place.
func (b *Builder) AddImm(v *Value, n int) { b.Do(OpAddImm, Instr{Args: []*Value{v}, Imm: n}) }
func (b *Builder) AddInt(v, n *Value)     { b.Do(OpAddInt, Instr{Args: []*Value{v, n}}) }

// Load and its kin read memory.
func (b *Builder) Load(t Type, m Mem, name string) *Value {
	return b.Op(OpLoad, t, name, Instr{Mem: m})
}

// Mem1 is an operation that only reads memory.
func (b *Builder) Mem1(op Op, t Type, m Mem, imm int, name string) *Value {
	return b.Op(op, t, name, Instr{Mem: m, Imm: imm})
}

// Store writes a vector.
func (b *Builder) Store(v *Value, m Mem) { b.Do(OpStore, Instr{Args: []*Value{v}, Mem: m}) }

// Un is an operation of one value with an immediate, keeping its type.
func (b *Builder) Un(op Op, x *Value, imm int, name string) *Value {
	return b.Op(op, x.Type, name, Instr{Args: []*Value{x}, Imm: imm})
}

// UnC is an operation of one value with a constant, keeping its type.
func (b *Builder) UnC(op Op, x *Value, c []byte, name string) *Value {
	return b.Op(op, x.Type, name, Instr{Args: []*Value{x}, Const: c})
}

// Bin is an operation of two values of one type.
func (b *Builder) Bin(op Op, x, y *Value, name string) *Value {
	return b.Op(op, x.Type, name, Instr{Args: []*Value{x, y}})
}

// To is an operation of values with a result of another type.
func (b *Builder) To(op Op, t Type, name string, args ...*Value) *Value {
	return b.Op(op, t, name, Instr{Args: args})
}

// Zero is a vector of zeros.
func (b *Builder) Zero(t Type, name string) *Value { return b.Op(OpZero, t, name, Instr{}) }

// Const is a vector constant.
func (b *Builder) Const(t Type, c []byte, name string) *Value {
	return b.Op(OpConst, t, name, Instr{Const: c})
}

// FMA is acc += x*y, one rounding.
func (b *Builder) FMA(acc, x, y *Value) { b.Do(OpFMA, Instr{Args: []*Value{acc, x, y}}) }

// Accumulate is acc += x in i32 lanes.
func (b *Builder) Accumulate(acc, x *Value) { b.Do(OpAccumulate, Instr{Args: []*Value{acc, x}}) }

// ZeroWord is a word that starts at 0.
func (b *Builder) ZeroWord(name string) *Value {
	return b.Op(OpZero, Type{Word, 1}, name, Instr{})
}
