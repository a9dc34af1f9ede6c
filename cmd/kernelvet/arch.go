package main

import "regexp"

// arch is an architecture as data.
type arch struct {
	name     string                                      // GOARCH
	features func(in inst) (list []string, known bool)   // what the CPU must have for an instruction, beyond the baseline
	reserved map[string]string                           // register -> why it is not scratch
	vectors  *regexp.Regexp                              // registers whose upper halves must be cleared; nil: none
	clear    []string                                    // instructions that clear them
	stack    *regexp.Regexp                              // an instruction that moves the stack pointer, as text
	loads    func(in inst) (memory []string, dst string) // operands in memory that are read, and the one that is written
}

// arches are the architectures that have rules.
var arches = []*arch{&amd64, &arm64}

var amd64 = arch{
	name:     "amd64",
	features: featuresAMD64,
	reserved: map[string]string{"BP": "the frame pointer"},
	vectors:  regexp.MustCompile(`\b[YZ]\d+\b`),
	clear:    []string{"VZEROUPPER", "VZEROALL"},
	stack:    regexp.MustCompile(`^(?:PUSH|POP|ADJSP)|, SP$`),
	loads:    memoryAMD64,
}

var arm64 = arch{
	name:     "arm64",
	features: func(inst) ([]string, bool) { return nil, true },
	reserved: map[string]string{"R18": "the platform's", "R28": "the goroutine", "R29": "the frame pointer"},
	stack:    regexp.MustCompile(`, RSP$`),
	loads:    memoryARM64,
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

// memoryARM64 is the same: stores have the memory operand last too, except that pairs and lanes have a register list first.
func memoryARM64(in inst) (memory []string, dst string) {
	for i, a := range in.args {
		switch {
		case !isMemory(a) || a[0] == '(' && a[1] == 'R' && regexp.MustCompile(`^\(R\d+, R\d+\)$`).MatchString(a):
		case i == len(in.args)-1:
			dst = a
		default:
			memory = append(memory, a)
		}
	}
	return memory, dst
}
