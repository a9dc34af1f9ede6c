package ir

import (
	"fmt"
	"slices"
)

// Op is an operation. All that there is to know of one stands in its declaration in the files
// ops_*.go: Verify, Eval, printing and the tests of machines read it there.
type Op = *Operation

// Operation declares an operation.
type Operation struct {
	Name  string
	Args  []Arg
	Makes []Elem // elements that the result may have; nil where there is no result
	Lanes Lane   // which lanes of its arguments a lane of the result depends on
	Size  Size   // of the result, beside the arguments

	// what Instr.Imm may be; nil: the operation has none, or any that Count allows
	Imm   []int
	Count Count // what Instr.Imm counts, where it is not one of Imm
	Const Const // what Instr.Const holds
	// what happens at Instr.Mem, and at Mem2 where the operation reads two places
	Mem  Access
	More func(*Instr) string // further rules: what is wrong, or ""

	// NaN says that a result that is a NaN may be any: which one two NaNs give differs between
	// machines.
	NaN bool

	// Opaque says that a machine may hold the result in a form of its own: only arguments that are
	// opaque too read it.
	Opaque bool

	// mean executes one instruction on checked operands.
	mean func(e *evaluation, in *Instr)
}

func (o *Operation) String() string { return o.Name }

// Arg declares an argument. Vectors of one instruction have the same size in bytes, except where
// one is halved.
type Arg struct {
	Elems    []Elem
	InPlace  bool // the operation writes it
	Spent    bool // its lanes are not to be read afterwards
	Constant bool // a constant of the same lanes may stand in its place, as Instr.Const
	// the least and the largest lane allowed, where Lo < Hi; bytes are unsigned where Lo is not
	// below 0
	Lo, Hi int
	Mask   bool  // lanes are all ones or all zeros
	Opaque bool  // the result of an opaque operation, which stands there as it was made
	Halved bool  // it has half the bytes of the others
	Many   []int // how often the argument may stand; nil: once
}

// Lane is how far a lane of a result sees.
type Lane int

const (
	PerLane Lane = iota // the same lane of the arguments, or those that its bytes come from
	Per16               // lanes of the same 16 bytes
	Across              // any lane
)

// Size is how large a result is.
type Size int

const (
	SameSize  Size = iota // as many bytes as the arguments
	OtherSize             // what the operation says
)

// Access is what an operation does to memory.
type Access int

const (
	NoMemory Access = iota
	Reads
	ReadsTwo // at Mem and at Mem2
	Writes
	Hints // neither: the bytes need not be there
)

// Count is what an immediate counts.
type Count int

const (
	NoCount   Count = iota
	Parameter       // a parameter of the function
	Distance        // bytes, of any sign
	Bytes           // bytes, at least 1
	Power           // bytes, a power of two
	Shift           // bits, fewer than a lane has
)

// Const is what constant an operation has.
type Const int

const (
	NoConst   Const = iota
	Vector          // the lanes of the result
	Bytes16         // 16 bytes
	Words           // words of 4 bytes, at most 64
	AnyWords        // words of 4 bytes
	Order           // a word below the number of the argument's lanes for each lane of the result
	Index16         // bytes: each below 16, or 0x80
	Distances       // words: how many bytes from the address
)

// ops are the operations in the order of their declarations.
var ops []Op

func declare(o Operation) Op {
	ops = append(ops, &o)
	return &o
}

// Ops lists the operations.
func Ops() []Op { return slices.Clone(ops) }

// Arguments.

func vec(elems ...Elem) Arg { return Arg{Elems: elems} }

func (a Arg) orConstant() Arg { a.Constant = true; return a }
func (a Arg) inPlace() Arg    { a.InPlace = true; return a }
func (a Arg) spent() Arg      { a.Spent = true; return a }

func (a Arg) opaque() Arg           { a.Opaque = true; return a }
func (a Arg) halved() Arg           { a.Halved = true; return a }
func (a Arg) mask() Arg             { a.Mask = true; return a }
func (a Arg) within(lo, hi int) Arg { a.Lo, a.Hi = lo, hi; return a }
func (a Arg) times(many ...int) Arg { a.Many = many; return a }

// allowed says what lanes an argument may have.
func (a Arg) allowed() string {
	if a.Mask {
		return "0 and -1"
	}
	return fmt.Sprintf("%d to %d", a.Lo, a.Hi)
}

// arg is the declaration of argument i: the last one stands for all that follow.
func (o *Operation) arg(i int) Arg { return o.Args[min(i, len(o.Args)-1)] }

var vectors = []Elem{I8, I16, I32, F32, F64}
