package main

import (
	"regexp"

	"github.com/kvgen/kvgen/gen/target/amd64/feature"
)

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
	features: func(in inst) ([]string, bool) { return feature.Of(in.op, in.suffix, in.args) },
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
