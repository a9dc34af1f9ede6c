package amd64

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/target/amd64/feature"
)

// rules are those of x86-64.
var rules = &asm.Rules{
	Arch:     "amd64",
	Features: func(in asm.Line) ([]string, bool) { return feature.Of(in.Op, in.Suffix, in.Args) },
	Implied:  feature.Implied,
	Reserved: map[string]string{"BP": "the frame pointer"},
	Saved:    "BP",
	Vectors:  regexp.MustCompile(`\b[YZ]\d+\b`),
	Clear:    []string{"VZEROUPPER", "VZEROALL"},
	Stack:    regexp.MustCompile(`^(?:PUSH|POP|ADJSP)|, SP$`),
	Compares: compares,
	Memory:   memoryOf,
	Bytes:    bytesOf,
}

// compares are instructions whose last operand is compared, not written.
var compares = regexp.MustCompile(`^(?:CMP|TEST|V?U?COMIS|BT[BLQW]?$|VPTEST$|VTESTP|KTEST|KORTEST|PREFETCH|JMP|CALL)`)

// memoryOf tells sources from the destination: it is the last operand.
func memoryOf(in asm.Line) (read []string, written string) {
	for i, a := range in.Args {
		if i == len(in.Args)-1 && !compares.MatchString(in.Op) {
			if asm.InMemory(a) {
				written = a
			}
			continue
		}
		if asm.InMemory(a) && !strings.HasPrefix(in.Op, "LEA") {
			read = append(read, a)
		}
	}
	return read, written
}

var vectorRegister = regexp.MustCompile(`^([XYZ])\d+$`)

func bytesOf(in asm.Line) int {
	size := 1
	for _, a := range in.Args {
		if m := vectorRegister.FindStringSubmatch(a); m != nil {
			n, _ := strconv.Atoi(map[string]string{"X": "16", "Y": "32", "Z": "64"}[m[1]])
			size = max(size, n)
		}
	}
	switch {
	case strings.HasSuffix(in.Op, "MOVSS") || in.Op == "VMOVD" || in.Op == "MOVL" || in.Op == "MOVD":
		return 4
	case strings.HasSuffix(in.Op, "MOVSD") || in.Op == "VMOVQ" || in.Op == "MOVQ":
		return 8
	case in.Op == "MOVW":
		return 2
	case strings.HasPrefix(in.Op, "VMOV") || strings.HasPrefix(in.Op, "MOVO") || strings.HasPrefix(in.Op, "MOVU"):
		return size
	}
	return 1 // widening, narrowing and broadcast forms take less than a register
}
