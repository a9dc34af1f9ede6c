package asm

import "regexp"

// Rules are what a reader of a machine's assembly must know to judge it: kernelvet does.
// Instructions are read as text.
type Rules struct {
	Arch string // GOARCH, which ends the names of files

	// Word reads the operand of WORD: the instruction as a line, and as the text that stands beside
	// it. ok is false for one that the machine's tables lack. nil: words are judged by their
	// comment.
	Word func(word string) (in Line, text string, ok bool)

	// Features are what the CPU must have for an instruction, beyond the base of the architecture.
	// known is false for an instruction that the machine's tables lack. Implied are what a feature
	// brings along.
	Features func(in Line) (list []string, known bool)
	Implied  func(feature string) []string

	Reserved map[string]string // register -> why it is not scratch
	Saved    string            // reserved register that the assembler saves in a framed function

	Vectors  *regexp.Regexp // registers whose upper halves are cleared before a return; nil: none
	Clear    []string       // instructions that clear them
	Stack    *regexp.Regexp // an instruction that moves the stack pointer, as text
	Compares *regexp.Regexp // mnemonics whose last operand is compared, not written

	// Memory tells the operands in memory that are read from the one that is written; "" is none.
	Memory func(in Line) (read []string, written string)

	// Bytes is how many an instruction moves to or from memory as far as its text shows, at least
	// 1.
	Bytes func(in Line) int
}

// Line is an instruction as it stands in a file.
type Line struct {
	Op      string   // the mnemonic, less what follows a dot
	Suffix  string   // what follows the first dot: "Z", "RN_SAE.Z"
	Args    []string // in the order of the text
	Comment string
}

// InMemory reports whether an operand is in memory.
func InMemory(arg string) bool { return len(arg) > 0 && arg[0] != '$' && arg[len(arg)-1] == ')' }
