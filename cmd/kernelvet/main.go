// Kernelvet checks assembly, generated or written by hand, for what go vet does not look at.
//
//	kernelvet [package ...]
//
// A package is a folder, or a folder and everything below it with /... at the end; the default is
// ./... . Folders named testdata and folders whose name begins with a dot or underscore are entered
// only when named. Only files that end in _amd64.s or _arm64.s are looked at.
//
// Rules, each with the name that ends its messages:
//
//	decl       every TEXT has a Go declaration without a body, and its comment shows the Go loop
//	           that it replaces
//	requires   the comment's "Requires: AVX2, FMA" names exactly the features that the
//	           instructions need
//	vzeroupper no path leaves a function with the upper halves of vector registers in use (amd64)
//	amx        no AMX: some hosts advertise it and fault
//	reserved   BP is saved before it is scratch (amd64); R18, R28 and R29 are left alone (arm64)
//	frame      the frame is small, the stack pointer stays where it is, and accesses stay inside
//	           frame and arguments
//	data       memory reached by name is a read-only table of the same file
//	opcode     a raw opcode has its mnemonic beside it; a WORD of arm64 is the instruction beside
//	           it, which the other rules judge
//	nosplit    a TEXT is NOSPLIT, unless its frame is too large for that
//	macro      no macros: what is checked is what is written
//
// It prints file:line: message, and exits with 0 when nothing was found, 1 when something was, and
// 2 when it could not run.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings as arguments; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		args = []string{"./..."}
	}
	var found []finding
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") {
			fmt.Fprintf(stderr, "kernelvet: no option %s; see go doc ./cmd/kernelvet\n", arg)
			return 2
		}
		dirs, err := folders(arg)
		if err != nil {
			fmt.Fprintf(stderr, "kernelvet: %v\n", err)
			return 2
		}
		for _, dir := range dirs {
			more, err := vet(dir)
			if err != nil {
				fmt.Fprintf(stderr, "kernelvet: %v\n", err)
				return 2
			}
			found = append(found, more...)
		}
	}
	slices.SortFunc(found, finding.compare)
	for _, f := range slices.Compact(found) {
		fmt.Fprintln(stdout, f)
	}
	if len(found) > 0 {
		return 1
	}
	return 0
}
