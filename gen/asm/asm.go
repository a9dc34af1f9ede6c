// Package asm holds a function in machine instructions over virtual registers,
// assigns real registers to it and prints Go assembly. It is shared by all CPU
// targets: a target chooses the instructions, this package knows none of them.
package asm

import "fmt"

// Class is a register file of the machine.
type Class int

const (
	GP  Class = iota // general purpose
	Vec              // vector
	numClasses
)

// Reg is a virtual register. Two Regs are the same register when their pointers are equal.
type Reg struct {
	Class Class
	ID    int
	Name  string // for messages
	phys  int    // index in Syntax.Files[Class], set by allocate
	group []*Reg // registers that follow each other, of which this is the first; nil: it is alone
	first *Reg   // of the group that it belongs to, where it is another
}

// Operand is an argument of an instruction, in the order of Go assembly.
type Operand interface{ text(m *Syntax) string }

// R is a register seen through a width, 0 for the machine's natural name, else the bytes of a
// vector register, or through an arrangement of lanes, as arm64 writes them: "S4", "B[3]".
type R struct {
	Reg     *Reg
	Width   int
	Arrange string
}

// List is registers between brackets.
type List []R

// Pair is two registers that one instruction loads or stores.
type Pair [2]R

// Imm is an immediate.
type Imm int64

// Mem is Disp + Base + Index*Scale bytes.
type Mem struct {
	Base  *Reg
	Index *Reg
	Scale int
	Disp  int
}

// Param is a named argument of the function, Off bytes into its frame.
type Param struct {
	Name string
	Off  int
}

// Slot is Off bytes into the function's own stack frame.
type Slot struct{ Off int }

// Sym is a read-only constant of the file.
type Sym struct {
	Name string
	Off  int
}

// Address is where an operand in memory lies, as an immediate.
type Address struct{ Of Operand }

// Inst is one instruction. Reads and Writes are derived from Args and these rules:
// the last argument is written; with RMW it is read as well; with NoWrite it is
// only read (stores, compares).
type Inst struct {
	Name    string
	Args    []Operand
	RMW     bool
	NoWrite bool
	Idiom   bool   // the result does not depend on the operands (x^x)
	Clobber []*Reg // also written
	Comment string

	// Encode makes the word of an instruction that the assembler does not know of the numbers of
	// the registers in Args, in order, once there are some. It is printed with the instruction
	// beside it: with text, or where that is "", with the name and the operands.
	Encode func(numbers []int) (word uint32, text string)
}

type item struct {
	inst  *Inst
	label string // a label of its own line
	jump  string // conditional or plain jump, the mnemonic
	to    string
	note  string // a comment line
	open  bool   // start of a loop
	close bool   // end of a loop
}

// Func is one assembly function.
type Func struct {
	Name     string
	Doc      []string // lines above TEXT
	ArgBytes int
	Frame    int
	Requires []string
	items    []item
	regs     []*Reg
	labels   int
}

// NewReg makes a virtual register.
func (f *Func) NewReg(c Class, name string) *Reg {
	r := &Reg{Class: c, ID: len(f.regs), Name: name, phys: -1}
	f.regs = append(f.regs, r)
	return r
}

// NewGroup makes n virtual registers that get consecutive real ones.
func (f *Func) NewGroup(c Class, name string, n int) []*Reg {
	var group []*Reg
	for range n {
		group = append(group, f.NewReg(c, name))
	}
	for _, r := range group[1:] {
		r.first = group[0]
	}
	group[0].group = group
	return group
}

// Emit appends an instruction.
func (f *Func) Emit(in *Inst) { f.items = append(f.items, item{inst: in}) }

// Last is the instruction that was appended last, nil where something else was.
func (f *Func) Last() *Inst {
	if len(f.items) == 0 {
		return nil
	}
	return f.items[len(f.items)-1].inst
}

// Note appends a comment line.
func (f *Func) Note(s string) { f.items = append(f.items, item{note: s}) }

// NewLabel returns a fresh label with the given stem.
func (f *Func) NewLabel(stem string) string {
	f.labels++
	return fmt.Sprintf("%s%d", stem, f.labels)
}

// Label places a label.
func (f *Func) Label(l string) { f.items = append(f.items, item{label: l}) }

// Jump appends a jump to a label.
func (f *Func) Jump(mnemonic, label string) {
	f.items = append(f.items, item{jump: mnemonic, to: label})
}

// OpenLoop and CloseLoop bracket the instructions that run more than once.
func (f *Func) OpenLoop()  { f.items = append(f.items, item{open: true}) }
func (f *Func) CloseLoop() { f.items = append(f.items, item{close: true}) }

// AllocSlot reserves n bytes of the frame, a multiple of 8, and returns their offset.
func (f *Func) AllocSlot(n int) int {
	off := f.Frame
	f.Frame += (n + 7) &^ 7
	return off
}

// Syntax names the registers of a machine and says how it writes operands.
type Syntax struct {
	// allocatable registers of each class, by preference
	Files [numClasses][]string
	// a register at its width or arrangement; nil: its name
	Register func(name string, r R) string
	// of a register, in encoded instructions
	Number func(name string) int
	Memory func(base, index string, scale, disp int) string // index is "" where there is none
	Stack  string                                           // the stack pointer
	// bytes at the stack pointer that are the machine's own
	Kept   int
	Return string
}

func uses(o Operand) []*Reg {
	switch o := o.(type) {
	case R:
		return []*Reg{o.Reg}
	case Pair:
		return []*Reg{o[0].Reg, o[1].Reg}
	case List:
		var rs []*Reg
		for _, r := range o {
			rs = append(rs, r.Reg)
		}
		return rs
	case Mem:
		if o.Index != nil {
			return []*Reg{o.Base, o.Index}
		}
		return []*Reg{o.Base}
	}
	return nil
}

// reads and writes list the registers of an instruction.
func (in *Inst) reads() []*Reg {
	if in.Idiom {
		return nil
	}
	var rs []*Reg
	for i, a := range in.Args {
		if i == len(in.Args)-1 && isRegister(a) && !in.RMW && !in.NoWrite {
			continue
		}
		rs = append(rs, uses(a)...)
	}
	return rs
}

func (in *Inst) writes() []*Reg {
	ws := append([]*Reg(nil), in.Clobber...)
	if n := len(in.Args); n > 0 && !in.NoWrite && isRegister(in.Args[n-1]) {
		ws = append(ws, uses(in.Args[n-1])...)
	}
	return ws
}

// isRegister reports whether an operand is one register or several.
func isRegister(o Operand) bool {
	switch o.(type) {
	case R, List, Pair:
		return true
	}
	return false
}
