// Package arm64 knows how to judge assembly of arm64: its features, reserved registers and operands
// in memory. No kernels are generated for it yet.
package arm64

import (
	"regexp"
	"strings"

	"github.com/kvgen/kvgen/gen/asm"
)

// Rules are those of arm64.
var Rules = &asm.Rules{
	Arch:     "arm64",
	Features: featuresOf,
	Implied:  func(string) []string { return nil },
	Reserved: map[string]string{"R18": "the platform's", "R28": "the goroutine", "R29": "the frame pointer"},
	Stack:    regexp.MustCompile(`, RSP$`),
	Compares: regexp.MustCompile(`^(?:CMP|CMN|TST|F?CCMP|FCMP|PRFM)`),
	Memory:   memoryOf,
	Bytes:    bytesOf,
}

// extensions are the instructions beyond ARMv8.0 by the feature that they need, as cpuid names it
// (Arm Architecture Reference Manual, the feature line of each instruction). The assembler knows
// few of them: they stand in the comment of a WORD.
var extensions = map[string]string{
	"SDOT": "ASIMDDP", "UDOT": "ASIMDDP", "VSDOT": "ASIMDDP", "VUDOT": "ASIMDDP",
	"SMMLA": "I8MM", "UMMLA": "I8MM", "USMMLA": "I8MM", "USDOT": "I8MM", "SUDOT": "I8MM",
	"BFDOT": "BF16", "BFMMLA": "BF16", "BFCVT": "BF16", "BFCVTN": "BF16", "BFMLALB": "BF16", "BFMLALT": "BF16",
	"SQRDMLAH": "ASIMDRDM", "SQRDMLSH": "ASIMDRDM",
}

// halves matches arithmetic on lanes of 16 bits, which v8.0 has for integers and conversions alone.
var halves = regexp.MustCompile(`\bV\d+\.(?:[48]?H[48]?)\b`)

// scalable matches registers of SVE.
var scalable = regexp.MustCompile(`\b[ZP]\d+\b`)

// featuresOf looks at an instruction, or at the one beside a WORD.
func featuresOf(in asm.Line) (list []string, known bool) {
	op, operands := in.Op, strings.Join(in.Args, ", ")
	if op == "WORD" {
		op, operands, _ = strings.Cut(strings.TrimSpace(in.Comment), " ")
	}
	switch {
	case extensions[op] != "":
		list = append(list, extensions[op])
	case strings.HasPrefix(op, "F") && halves.MatchString(operands) && !strings.HasPrefix(op, "FCVT"):
		list = append(list, "ASIMDHP")
	case scalable.MatchString(operands):
		list = append(list, "SVE")
	}
	return list, true
}

// registerPair is how two registers of one load or store are written: (R0, R1).
var registerPair = regexp.MustCompile(`^\(\w+, *\w+\)$`)

// memoryOf: the destination is the last operand, of loads of several registers too.
func memoryOf(in asm.Line) (read []string, written string) {
	for i, a := range in.Args {
		switch {
		case !asm.InMemory(a) || registerPair.MatchString(a):
		case i == len(in.Args)-1:
			written = a
		default:
			read = append(read, a)
		}
	}
	return read, written
}

func bytesOf(in asm.Line) int {
	switch in.Op {
	case "MOVD", "FMOVD":
		return 8
	case "MOVW", "MOVWU", "FMOVS":
		return 4
	case "MOVH", "MOVHU":
		return 2
	case "FMOVQ", "LDP", "STP":
		return 16
	}
	return 1
}
