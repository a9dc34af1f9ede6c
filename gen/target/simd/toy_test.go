package simd

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
)

// The toy is the second machine of this package, as unlike x86-64 as one can be. It has eight
// registers of 16 bytes with arrangements, another way to write memory, no dot product but as an
// extension, whose instructions the assembler does not know. Every other operation of the IR is one
// instruction.

// encoded are the instructions of the extension, by their number.
var encoded = []ir.Op{ir.OpDotU8S8, ir.OpDotAcc, ir.OpDotS8, ir.OpDotS8Acc}

func toy() *Machine {
	caps := lower.Caps{Registers: 4, Chains: 1}
	dot := caps
	dot.Dot4, dot.SignedDot = true, true
	return &Machine{
		Name: "toy",
		ISAs: []ISA{
			{Name: "dot", Suffix: "Dot", Requires: []string{"DOT"}, Caps: dot},
			{Name: "toy", Suffix: "Toy", Caps: caps},
		},
		Syntax: toySyntax(), Width: 16, Select: toySelect,
		LoadConstant: func(s *Selector, c []byte, to asm.R) { s.Op("CONST", s.Sym(c), toyVector(to, ir.I8)) },
		LoadTable:    func(s *Selector, c []byte, to asm.R) { s.Op("CONST", s.Sym(c), toyVector(to, ir.I8)) },
		Hoisted:      4,
		Counter:      Counter{Subtract: "SUBS", Add: "ADDS", Below: "BLT", NotBelow: "BGE"},
		Features: func(text string) []string {
			if strings.Contains(text, "\tWORD ") {
				return []string{"DOT"}
			}
			return nil
		},
	}
}

func toySyntax() *asm.Syntax {
	m := &asm.Syntax{Stack: "RSP", Kept: 8, Return: "RET"}
	for i := range 16 {
		m.Files[asm.GP] = append(m.Files[asm.GP], fmt.Sprint("R", i))
	}
	for i := range 8 {
		m.Files[asm.Vec] = append(m.Files[asm.Vec], fmt.Sprint("V", i))
	}
	m.Register = func(name string, r asm.R) string {
		if r.Arrange == "" {
			return name
		}
		return name + "." + r.Arrange
	}
	m.Number = func(name string) int { n, _ := strconv.Atoi(name[1:]); return n }
	m.Memory = func(base, index string, scale, disp int) string {
		if index != "" {
			base = fmt.Sprintf("%s+%s*%d", base, index, scale)
		}
		return fmt.Sprintf("[%s%+d]", base, disp)
	}
	return m
}

func toyVector(r asm.R, elem ir.Elem) asm.R {
	r.Arrange = strings.ToUpper(ir.Type{Elem: elem, Lanes: 16 / (ir.Type{Elem: elem, Lanes: 1}).Bytes()}.String())
	return r
}

// toyValue is a value as an operand.
func toyValue(s *Selector, v *ir.Value) asm.R {
	r := s.R(v)
	if r.Width > 0 {
		return toyVector(r, v.Type.Elem)
	}
	return r
}

// toySelect writes one instruction: immediate, memory, constant, arguments, result.
func toySelect(s *Selector, in *ir.Instr) bool {
	number := slices.Index(encoded, in.Op)
	if number >= 0 && !s.ISA.Has("DOT") {
		return false
	}
	inst := &asm.Inst{Name: strings.ToUpper(in.Op.Name)}
	operand := func(o asm.Operand) { inst.Args = append(inst.Args, o) }
	switch {
	case in.Op == ir.OpParam:
		operand(s.Param(in.Imm))
	case in.Op == ir.OpSlot:
		operand(asm.Imm(in.Imm))
		operand(asm.Slot{Off: s.F.AllocSlot(in.Imm)})
	case in.Op.Imm != nil || in.Op.Count != ir.NoCount:
		operand(asm.Imm(in.Imm))
	}
	if in.Const != nil {
		c := slices.Clone(in.Const)
		for len(c)%8 != 0 {
			c = append(c, 0)
		}
		operand(s.Sym(c))
	}
	writes := in.Op.Mem == ir.Writes
	if in.Mem.Base != nil && !writes {
		operand(s.Mem(in.Mem))
	}
	if in.Mem2.Base != nil {
		operand(s.Mem(in.Mem2))
	}
	args := in.Args
	inPlace := len(args) > 0 && in.Op.Args[0].InPlace
	if inPlace { // the register that is written comes last
		args = append(slices.Clone(args[1:]), args[0])
	}
	for k, v := range args {
		operand(toyValue(s, v))
		if inPlace && in.Op == ir.OpTranspose && k < len(args)-1 {
			inst.Clobber = append(inst.Clobber, s.Reg(v))
		}
	}
	switch {
	case writes:
		operand(s.Mem(in.Mem))
		inst.NoWrite = true
	case in.Op.Mem == ir.Hints:
		inst.NoWrite = true
	case in.Dst != nil:
		operand(toyValue(s, in.Dst))
	default:
		inst.RMW = true
	}
	if number >= 0 {
		inst.Encode = func(n []int) (uint32, string) { return toyWord(number, n), "" }
	}
	s.F.Emit(inst)
	return true
}

// toyWord is the word of an instruction of the extension: its number, and four bits for each
// register.
func toyWord(number int, registers []int) uint32 {
	w := uint32(0xD0+number) << 24
	for k, r := range registers {
		w |= uint32(r) << (4 * k)
	}
	return w
}
