package main

import (
	"regexp"
	"strconv"
	"strings"
)

var register = regexp.MustCompile(`\b([XYZ])(\d+)\b`)

// storeSize is the number of bytes that an instruction moves to or from memory as far as its text shows; 1 at least.
func storeSize(in inst) int {
	size := 1
	for _, a := range in.args {
		if m := register.FindStringSubmatch(a); m != nil && a == m[0] {
			n, _ := strconv.Atoi(map[string]string{"X": "16", "Y": "32", "Z": "64"}[m[1]])
			size = max(size, n)
		}
	}
	switch {
	case strings.HasSuffix(in.op, "MOVSS") || in.op == "VMOVD" || in.op == "MOVL" || in.op == "MOVD":
		return 4
	case strings.HasSuffix(in.op, "MOVSD") || in.op == "VMOVQ" || in.op == "MOVQ":
		return 8
	case in.op == "MOVW":
		return 2
	case strings.HasPrefix(in.op, "VMOV") || strings.HasPrefix(in.op, "MOVO") || strings.HasPrefix(in.op, "MOVU"):
		return size
	}
	return 1 // widening, narrowing and broadcast forms take less than a register
}

// isMemory says whether an operand is in memory.
func isMemory(arg string) bool { return len(arg) > 0 && arg[0] != '$' && arg[len(arg)-1] == ')' }

// readOnly are amd64 instructions whose last operand is compared, not written.
var readOnly = regexp.MustCompile(`^(?:CMP|TEST|V?U?COMIS|BT[BLQW]?$|VPTEST$|VTESTP|KTEST|KORTEST|PREFETCH|JMP|CALL)`)

// memoryAMD64 tells sources from the destination: it is the last operand.
func memoryAMD64(in inst) (memory []string, dst string) {
	for i, a := range in.args {
		if i == len(in.args)-1 && !readOnly.MatchString(in.op) {
			if isMemory(a) {
				dst = a
			}
			continue
		}
		if isMemory(a) && in.op[:min(3, len(in.op))] != "LEA" {
			memory = append(memory, a)
		}
	}
	return memory, dst
}

// registerPair is how arm64 writes two registers of one load or store: (R0, R1).
var registerPair = regexp.MustCompile(`^\(\w+, *\w+\)$`)

// memoryARM64 is the same: stores have the memory operand last too, except that pairs and lanes have a register list first.
func memoryARM64(in inst) (memory []string, dst string) {
	for i, a := range in.args {
		switch {
		case !isMemory(a) || registerPair.MatchString(a):
		case i == len(in.args)-1:
			dst = a
		default:
			memory = append(memory, a)
		}
	}
	return memory, dst
}
