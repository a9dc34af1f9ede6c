// Package ir is the program of one kernel: typed values over lanes, straight-line code and counted
// loops. It knows no machine. A vector value has an element type and a number of lanes; memory is
// reached through addresses with constant offsets.
//
// Each operation is declared once, in a file ops_*.go: its arguments, constants, memory and what it
// means. Verify checks a function against these declarations, Eval runs it by them on any host, and
// the tests of a machine compare what it selects with them.
//
// Most values are written once. The exceptions are accumulators and cursors, which operations
// declare as arguments in place, and the sums and extremes of encoders (Builder.Into).
package ir

import "fmt"

// Elem is the element type of a value.
type Elem int

const (
	Addr Elem = iota // an address
	Word             // a machine integer: counts, strides in bytes
	I8
	I16
	I32
	F32
	F64
)

func (e Elem) String() string {
	return [...]string{"addr", "word", "i8", "i16", "i32", "f32", "f64"}[e]
}

// VectorBytes is the size of the largest vector of a kernel on every machine: one with registers of
// 16 bytes holds it in two. VectorLanes is how many f32 it has.
const (
	VectorBytes = 32
	VectorLanes = VectorBytes / 4
)

// Type is an element type and a number of lanes. Addr and Word have one lane.
type Type struct {
	Elem  Elem
	Lanes int
}

// Bytes is the size of a vector value.
func (t Type) Bytes() int {
	switch t.Elem {
	case I8:
		return t.Lanes
	case I16:
		return 2 * t.Lanes
	case F64:
		return 8 * t.Lanes
	}
	return 4 * t.Lanes
}

func (t Type) String() string {
	if !t.isVector() {
		return t.Elem.String()
	}
	return fmt.Sprintf("%vx%d", t.Elem, t.Lanes)
}

// Value is the result of an instruction.
type Value struct {
	ID   int
	Type Type
	Name string // a hint for readers of the assembly and of messages
}

// Mem is an address: Base + Index*Scale + Off bytes. Base is an Addr, or a Slot.
type Mem struct {
	Base  *Value
	Index *Value
	Scale int
	Off   int
}

// At is the address off bytes after base.
func At(base *Value, off int) Mem { return Mem{Base: base, Off: off} }

// Plus moves the address by n bytes.
func (m Mem) Plus(n int) Mem { m.Off += n; return m }

// Instr is one operation. Which fields an operation uses is said where it is declared.
type Instr struct {
	Op    Op
	Dst   *Value
	Args  []*Value
	Mem   Mem
	Mem2  Mem
	Imm   int
	Const []byte // vector constant, little-endian lanes
	Note  string
}

// Node is an *Instr, a *Loop or a Note.
type Node interface{ node() }

// Loop runs Body while Count, which it consumes, is at least Step. Each turn takes Step off, before
// Body runs.
type Loop struct {
	Count *Value
	Step  int
	Body  []Node
}

// Note is a comment on the phase that follows.
type Note string

func (*Instr) node() {}
func (*Loop) node()  {}
func (Note) node()   {}

// Param is an argument of the kernel: an address or a word.
type Param struct {
	Name string
	Type Type
	Go   string // its Go type in the stub: "*float32", "int"
}

// Func is one kernel.
type Func struct {
	Name   string
	Doc    []string
	Params []Param
	Body   []Node
	values int
}

// Named gives v another name.
func (v *Value) Named(name string) *Value { v.Name = name; return v }

func (t Type) isVector() bool { return t.Elem != Addr && t.Elem != Word }
