package ir

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Builder appends to a function. It has a method for each operation, by the operation's name:
// b.Mul(x, y) appends OpMul and returns the value that it makes.
type Builder struct {
	F     *Func
	block *[]Node
	nodes int
}

// MaxNodes is the number of operations of a kernel; the longest of the project's types has some
// thousands. A type that takes more, with statements for every other value of a long block, would
// take minutes to compile and miss every instruction cache.
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

// result appends an operation with a result of type t. name "" stands for the operation's own.
func (b *Builder) result(op Op, t Type, name string, in Instr) *Value {
	if name == "" {
		name = op.String()
	}
	b.F.values++
	in.Op, in.Dst = op, &Value{ID: b.F.values, Type: t, Name: name}
	b.add(&in)
	return in.Dst
}

// effect appends an operation without a result.
func (b *Builder) effect(op Op, in Instr) { in.Op = op; b.add(&in) }

// Append appends an instruction whose fields are set, with a result of type t where its operation
// has one.
func (b *Builder) Append(in *Instr, t Type) *Value {
	if in.Op.Makes == nil {
		b.add(in)
		return nil
	}
	return b.result(in.Op, t, "", *in)
}

// Into makes the operation that was just appended, whose result is v, write acc instead: a sum or
// an extreme of a loop, which has a value already.
func (b *Builder) Into(acc, v *Value) {
	in, ok := (*b.block)[len(*b.block)-1].(*Instr)
	if !ok || in.Dst != v || v.Type != acc.Type {
		panic(fmt.Sprintf("ir: %s: %s is not what the last operation made", b.F.Name, v.Name))
	}
	in.Dst = acc
}

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

// Operand is the second argument of an operation that takes a value or a constant there: a
// *Value, Lanes, Splat or SplatF32.
type Operand interface {
	operand(like Type) (v *Value, constant []byte)
}

func (v *Value) operand(Type) (*Value, []byte) { return v, nil }

// Lanes is a constant as it lies in memory, little-endian.
type Lanes []byte

func (c Lanes) operand(Type) (*Value, []byte) { return nil, c }

// Splat is a constant of the same 32 bits in all lanes.
type Splat uint32

func (s Splat) operand(like Type) (*Value, []byte) {
	var c []byte
	for len(c) < like.Bytes() {
		c = binary.LittleEndian.AppendUint32(c, uint32(s))
	}
	return nil, c
}

// SplatF32 is a constant of the same f32 in all lanes.
type SplatF32 float32

func (s SplatF32) operand(like Type) (*Value, []byte) {
	return Splat(math.Float32bits(float32(s))).operand(like)
}

// pair appends an operation of x and a second operand with a result of type t.
func (b *Builder) pair(op Op, t Type, x *Value, y Operand, imm int) *Value {
	in := Instr{Args: []*Value{x}, Imm: imm}
	v, c := y.operand(x.Type)
	if in.Const = c; v != nil {
		in.Args = append(in.Args, v)
	}
	return b.result(op, t, "", in)
}

// of is the type of the lanes that as many bits make as t has.
func of(e Elem, t Type) Type {
	size := Type{e, 1}.Bytes()
	return Type{e, t.Bytes() / size}
}
