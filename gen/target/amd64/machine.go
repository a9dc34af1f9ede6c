// Package amd64 selects x86-64 instructions for the lane IR and writes Go assembly.
package amd64

import (
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/gen/asm"
)

// ISA is one instruction set level of this architecture: what it may use and how
// wide its float lanes are.
type ISA struct {
	Name     string   // as users write it: "avx2"
	Suffix   string   // of function names: "AVX2"
	Requires []string // CPU features that a function may need, as its comment names them
	Needs    []string // the same as cpuid's constants
	Lanes    int      // f32 lanes of a vector
	VNNI     bool     // u8 x s8 dot products that accumulate
}

// ISAs lists the instruction sets, best first.
var ISAs = []ISA{
	{Name: "avx512", Suffix: "AVX512", Requires: []string{"AVX2", "AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL", "AVX512VNNI", "F16C", "FMA"},
		Needs: []string{"AVX2", "AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL", "AVX512VNNI", "F16C", "FMA3"}, Lanes: 8, VNNI: true},
	{Name: "avx2", Suffix: "AVX2", Requires: []string{"AVX2", "F16C", "FMA"}, Needs: []string{"AVX2", "F16C", "FMA3"}, Lanes: 8},
}

// machine names the registers that kernels may use. SP and BP belong to the frame,
// R14 and R15 to the Go runtime; vector registers above 15 need EVEX forms that not
// every instruction has.
func machine() *asm.Machine {
	m := &asm.Machine{Ret: "RET"}
	m.Files[asm.GP] = []string{"AX", "BX", "CX", "DX", "SI", "DI", "R8", "R9", "R10", "R11", "R12", "R13"}
	for i := range 16 {
		m.Files[asm.Vec] = append(m.Files[asm.Vec], fmt.Sprint("Y", i))
	}
	m.Widen = func(name string, w int) string {
		prefix := map[int]string{4: "X", 8: "X", 16: "X", 32: "Y", 64: "Z"}[w]
		return prefix + strings.TrimLeft(name, "XYZ")
	}
	return m
}
