// Package amd64 is x86-64 as a machine of gen/target/simd: its instruction sets, its
// selection of instructions and their features.
package amd64

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/target/amd64/feature"
	"github.com/kvgen/kvgen/gen/target/simd"
)

// Machine is x86-64 with AVX2 or better.
var Machine = &simd.Machine{
	Name: "amd64",
	ISAs: []simd.ISA{
		{Name: "avx512vnni", Aliases: []string{"avx512"}, Suffix: "AVX512VNNI", Requires: []string{"F16C", "FMA", "AVX512VL", "AVX512VNNI"},
			Needs: []string{"AVX2", "F16C", "FMA3", "AVX512VL", "AVX512VNNI"}, Caps: caps(true)},
		{Name: "avx2", Suffix: "AVX2", Requires: []string{"AVX", "AVX2", "F16C", "FMA"}, Needs: []string{"AVX2", "F16C", "FMA3"}, Caps: caps(false)},
	},
	Syntax: syntax(),
	Width:  32,
	Select: func(s *simd.Selector, in *ir.Instr) bool { return selector{s}.instr(in) },
	Lacks: map[ir.Op]string{
		ir.OpFoldS8: "a vector is one register, whose halves are added at the end", ir.OpFoldS8Acc: "a vector is one register, whose halves are added at the end",
		ir.OpSumFours: "scales of a group have a register each", ir.OpShiftB: "words are shifted, not bytes",
	},
	Folds: map[ir.Op]bool{ir.OpMul: true, ir.OpAdd: true, ir.OpFMA: true, ir.OpDotU8S8: true, ir.OpDotAcc: true},

	LoadConstant: func(s *simd.Selector, c []byte, to asm.R) { s.Op("VMOVDQU", s.Sym(c), to) },
	LoadTable:    func(s *simd.Selector, c []byte, to asm.R) { s.Op("VBROADCASTI128", s.Sym(c), to) },
	Hoisted:      6,

	Counter:  simd.Counter{Subtract: "SUBQ", Add: "ADDQ", Below: "JLT", NotBelow: "JGE"},
	Exit:     []string{"VZEROUPPER"},
	Features: feature.Required,
	Rules:    rules,
}

// caps are those of 16 registers of 32 bytes. The hardware fetches lines ahead, but not past a
// page.
func caps(dot4 bool) lower.Caps {
	return lower.Caps{
		Registers: 16, Dot4: dot4, Chains: 4, Prefetch: lower.Prefetch{Ahead: 2048, Line: 64},
		Costs: map[ir.Op]int{ir.OpLoadPair: 2, ir.OpPack4: 5, ir.OpGather: 20, ir.OpLoadBytes: 4},
	}
}

// syntax names the registers that kernels may use. SP and BP belong to the frame,
// R14 and R15 to the Go runtime; vector registers above 15 need EVEX forms that not
// every instruction has.
func syntax() *asm.Syntax {
	m := &asm.Syntax{Stack: "SP", Return: "RET"}
	m.Files[asm.GP] = []string{"AX", "BX", "CX", "DX", "SI", "DI", "R8", "R9", "R10", "R11", "R12", "R13"}
	for i := range 16 {
		m.Files[asm.Vec] = append(m.Files[asm.Vec], fmt.Sprint("Y", i))
	}
	m.Register = func(name string, r asm.R) string {
		prefix := map[int]string{4: "X", 8: "X", 16: "X", 32: "Y", 64: "Z"}[r.Width]
		return prefix + strings.TrimLeft(name, "XYZ")
	}
	m.Memory = func(base, index string, scale, disp int) string {
		s := fmt.Sprintf("(%s)", base)
		if disp != 0 {
			s = fmt.Sprintf("%d%s", disp, s)
		}
		if index != "" {
			s += fmt.Sprintf("(%s*%d)", index, scale)
		}
		return s
	}
	return m
}

func at(r asm.R, w int) asm.R { return asm.R{Reg: r.Reg, Width: w} }

func plus(m asm.Mem, n int) asm.Mem { m.Disp += n; return m }

func (s selector) zero(dst asm.R) {
	s.F.Emit(&asm.Inst{Name: "VPXOR", Args: []asm.Operand{dst, dst, dst}, Idiom: true})
}

// ones16 is sixteen 16-bit ones: VPMADDWD with it adds neighbours.
var ones16 = splat(1 | 1<<16)

// dwords is a constant of eight 32-bit lanes.
func dwords(v ...uint32) []byte {
	var c []byte
	for _, x := range v {
		c = binary.LittleEndian.AppendUint32(c, x)
	}
	return c
}

func splat(x uint32) []byte { return dwords(x, x, x, x, x, x, x, x) }
