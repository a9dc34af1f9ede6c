// Package simd compiles the lane IR for processors with vector registers: which kernels
// a type gets, tiles, panels, constants, the Go beside the assembly, and why a kernel is
// not there. It knows no machine. A Machine says which instructions there are and how
// they are written; gen/target/amd64 is one.
package simd

import (
	"slices"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
)

// Machine is an architecture as data: all that a new one writes.
type Machine struct {
	Name   string // GOARCH
	ISAs   []ISA  // best first; each may do what those after it do
	Syntax *asm.Syntax
	Width  int // bytes of a vector register: ir.VectorBytes, or half of it: two hold a vector

	// Select appends the instructions of one operation. It reports whether the machine has the
	// operation.
	Select func(s *Selector, in *ir.Instr) bool

	// Lacks are the operations that the machine does not have, with the reason. All others are
	// selected.
	Lacks map[ir.Op]string

	// Folds are the operations whose last argument may be in memory.
	Folds map[ir.Op]bool

	// LoadConstant brings a constant into a register; LoadTable one of 16 bytes into each 16 bytes
	// of it. Selector.Sym says where one lies in memory.
	LoadConstant, LoadTable func(s *Selector, c []byte, to asm.R)
	Hoisted                 int // constants that a loop may have in registers, where they are free

	Counter Counter
	Exit    []string // instructions without operands before the return

	Rules *asm.Rules // by which its assembly is judged

	// Features lists the CPU features that a text of Go assembly needs, as its Requires line names
	// them.
	Features func(text string) []string
}

// Counter is how a machine counts down: mnemonics of a subtraction that sets flags, of an
// addition, and of jumps when the difference was below zero and when it was not.
type Counter struct{ Subtract, Add, Below, NotBelow string }

// ISA is one instruction set of a machine. A function whose text is that of the next set is not
// emitted: the next set serves.
type ISA struct {
	Name     string   // as users write it: "avx2"
	Aliases  []string // other names that users may write
	Suffix   string   // of function names: "AVX2"
	Requires []string // CPU features that a function may need, as its comment names them
	Needs    []string // the same as cpuid's constants
	Caps     lower.Caps
}

// Has reports whether functions of the instruction set may require a feature.
func (i *ISA) Has(feature string) bool { return slices.Contains(i.Requires, feature) }
