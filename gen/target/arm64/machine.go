// Package arm64 is 64-bit Arm as a machine of gen/target/simd: its instruction sets, the table of
// its instructions, its selection of them and how its assembly is judged.
package arm64

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/target/simd"
)

// Machine is ARMv8.0, whose vector instructions are called NEON, and what later versions add.
var Machine = &simd.Machine{
	Name: "arm64",
	ISAs: []simd.ISA{
		{Name: "dotprod", Suffix: "DotProd", Requires: []string{"ASIMDDP"}, Needs: []string{"ASIMD", "ASIMDDP"}, Caps: caps(true)},
		{Name: "neon", Suffix: "NEON", Needs: []string{"ASIMD"}, Caps: caps(false)},
	},
	Syntax: syntax(),
	Width:  16,
	Select: func(s *simd.Selector, in *ir.Instr) bool { return selector{s}.instr(in) },

	LoadConstant: func(s *simd.Selector, c []byte, to asm.R) { selector{s}.constant(c, to) },
	LoadTable:    func(s *simd.Selector, c []byte, to asm.R) { selector{s}.constant(c, to) },
	Hoisted:      16,

	Counter:  simd.Counter{Subtract: "SUBS", Add: "ADD", Below: "BLT", NotBelow: "BGE"},
	Features: required,
	Rules:    Rules,
}

// caps are those of 32 registers of 16 bytes. The hardware fetches lines ahead, but not past a
// page.
func caps(dot bool) lower.Caps {
	return lower.Caps{
		Registers: 16, Dot4: dot, SignedDot: true, Folded: true, Chains: 4, Prefetch: lower.Prefetch{Ahead: 2048, Line: 64},
		Costs: map[ir.Op]int{ir.OpPack4: 3, ir.OpGather: 14, ir.OpLoadBytes: 4},
	}
}

// syntax names the registers that kernels may use. R16 and R17 are the linker's, R18 is the
// platform's, R27 the assembler's; R28 to R30 belong to the Go runtime and the frame.
func syntax() *asm.Syntax {
	m := &asm.Syntax{Stack: "RSP", Kept: 8, Return: "RET"}
	for i := range 27 {
		if i < 16 || i > 18 {
			m.Files[asm.GP] = append(m.Files[asm.GP], fmt.Sprint("R", i))
		}
	}
	for i := range 32 {
		m.Files[asm.Vec] = append(m.Files[asm.Vec], fmt.Sprint("F", i))
	}
	m.Register = func(name string, r asm.R) string { return name + r.Arrange }
	m.Number = func(name string) int {
		n, err := strconv.Atoi(name[1:])
		if err != nil {
			panic("arm64: no number of register " + name)
		}
		return n
	}
	m.Memory = func(base, index string, scale, disp int) string {
		switch {
		case index != "" && disp != 0:
			panic("arm64: memory with an index has no distance")
		case index != "" && scale > 1:
			return fmt.Sprintf("(%s)(%s%s)", base, index, shifted(scale))
		case index != "":
			return fmt.Sprintf("(%s)(%s)", base, index)
		case disp != 0:
			return fmt.Sprintf("%d(%s)", disp, base)
		}
		return "(" + base + ")"
	}
	return m
}

// shifted is how a register times a power of two is written.
func shifted(scale int) string {
	bits := 0
	for 1<<bits < scale {
		bits++
	}
	if 1<<bits != scale {
		panic(fmt.Sprintf("arm64: %d is no power of two", scale))
	}
	return fmt.Sprint("<<", bits)
}

// required names the features that a text needs.
func required(text string) (list []string) {
	for _, feature := range []string{"ASIMDDP", "I8MM"} {
		for line := range strings.Lines(text) {
			if i := wordOf(line); i != nil && i.feature == feature {
				list = append(list, feature)
				break
			}
		}
	}
	return list
}

// wordOf is the instruction of a line with a word, nil for any other.
func wordOf(line string) *instruction {
	code, _, _ := strings.Cut(line, "//")
	op, arg, _ := strings.Cut(strings.TrimSpace(code), " ")
	if op != "WORD" {
		return nil
	}
	w, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(arg), "$"), 0, 32)
	if err != nil {
		return nil
	}
	i, _ := decode(uint32(w))
	return i
}
