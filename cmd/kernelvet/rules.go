package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	// bytes of frame of a NOSPLIT function: the linker allows 792 to a whole chain of calls
	maxNosplit = 640
	maxFrame   = 4096 // of any function
)

var (
	amx      = regexp.MustCompile(`^(?:TILE|TDP|TCMM|LDTILECFG|STTILECFG)`)
	spAccess = regexp.MustCompile(`^(?:(\w+)([+-]\d+)|([+-]?\d+)?)\((R?SP)\)`)
	fpAccess = regexp.MustCompile(`^(\w+)\+(\d+)\(FP\)$`)
	sbAccess = regexp.MustCompile(`^(.*?)(?:\+(\d+|0x[0-9a-fA-F]+))?\(SB\)`)
	mnemonic = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.]+(?:\s|$)`)
)

// checkAMX rejects tile instructions.
func (c *checker) checkAMX(in inst) {
	if amx.MatchString(in.Op) {
		c.report(in.line, "amx", "%s: AMX is never used, since hosts that advertise it may fault", in.Op)
	}
}

// checkReserved looks for registers that are not scratch. The assembler saves BP itself in a
// function with a frame.
func (c *checker) checkReserved(f *fn) {
	for reg, why := range c.arch.Reserved {
		if reg == c.arch.Saved && f.frame > 0 {
			continue
		}
		named := regexp.MustCompile(`\b` + reg + `\b`)
		for _, in := range f.insts {
			if strings.HasPrefix(in.Op, "PUSH") || strings.HasPrefix(in.Op, "POP") {
				continue // reported as frame
			}
			if i := slices.IndexFunc(in.Args, named.MatchString); i >= 0 {
				c.report(in.line, "reserved", "%s uses %s, %s, which %s does not save", in.Op, reg, why, f.name)
				break
			}
		}
	}
}

// checkFrame looks at the TEXT line and at the stack pointer.
func (c *checker) checkFrame(f *fn) {
	switch {
	case f.frame < 0:
		c.report(f.line, "frame", "cannot read the TEXT line: want TEXT ·name(SB), NOSPLIT, $frame-args")
		return
	case f.frame > maxFrame:
		c.report(f.line, "frame", "the frame of %s is %d bytes, above the limit of %d", f.name, f.frame, maxFrame)
	case f.args < 0:
		c.report(f.line, "frame", "%s does not say how many bytes of arguments it has: want $%d-args", f.name, f.frame)
	}
	nosplit := slices.Contains(strings.Split(f.flags, "|"), "NOSPLIT") || f.flags == "4"
	switch {
	case nosplit && f.frame > maxNosplit:
		c.report(f.line, "nosplit", "%s is NOSPLIT with a frame of %d bytes, above the limit of %d", f.name, f.frame, maxNosplit)
	case !nosplit && f.frame <= maxNosplit:
		c.report(f.line, "nosplit", "%s is not NOSPLIT, though its frame has no more than %d bytes", f.name, maxNosplit)
	}
	for _, in := range f.insts {
		if c.arch.Stack.MatchString(in.Op+" "+strings.Join(in.Args, ", ")) && !c.arch.Compares.MatchString(in.Op) {
			c.report(in.line, "frame", "%s moves the stack pointer: declare the frame on the TEXT line", in.Op)
		}
	}
}

// checkStack keeps accesses by name inside the declared frame and arguments. An access through a
// copy of the stack pointer is not seen.
func (c *checker) checkStack(f *fn) {
	for _, in := range f.insts {
		memory, dst := c.arch.Memory(in.Line)
		for _, arg := range append(memory, dst) {
			size := c.arch.Bytes(in.Line)
			if m := spAccess.FindStringSubmatch(arg); m != nil && f.frame >= 0 {
				at := offset(m[2] + m[3])
				if m[1] != "" { // the pseudo-register counts from the top of the frame down
					at += f.frame
				}
				if at < 0 || at+size > f.frame {
					c.report(in.line, "frame", "%s reaches bytes %d to %d of a frame of %d", arg, at, at+size-1, f.frame)
				}
			}
			m := fpAccess.FindStringSubmatch(arg)
			if m == nil {
				continue
			}
			if at := offset(m[2]); f.args >= 0 && at+size > f.args {
				c.report(in.line, "frame", "%s reaches bytes %d to %d of %d bytes of arguments", arg, at, at+size-1, f.args)
			}
			if arg == dst && !strings.HasPrefix(m[1], "ret") {
				c.report(in.line, "frame", "%s writes the argument %s", in.Op, m[1])
			}
		}
	}
}

// checkSymbols holds memory operands with a name to the tables of the file.
func (c *checker) checkSymbols(f *fn, in inst) {
	memory, dst := c.arch.Memory(in.Line)
	if strings.HasPrefix(in.Op, "LEA") || in.Op == "MOVD" {
		for _, a := range in.Args[:max(0, len(in.Args)-1)] {
			memory = append(memory, strings.TrimPrefix(a, "$"))
		}
	}
	for _, arg := range append(memory, dst) {
		m := sbAccess.FindStringSubmatch(arg)
		if m == nil {
			continue
		}
		t, at := c.src.tables[m[1]], number(m[2])
		switch {
		case in.Op == "CALL" || in.Op == "JMP":
		case t == nil:
			c.report(in.line, "data", "%s is no table of this file", m[1])
		case arg == dst:
			c.report(in.line, "data", "%s writes to the read-only %s", in.Op, m[1])
		case t.size >= 0 && at+c.arch.Bytes(in.Line) > t.size:
			c.report(in.line, "data", "%s reaches byte %d of a table of %d", arg, at+c.arch.Bytes(in.Line)-1, t.size)
		}
	}
}

// checkTables looks at DATA and GLOBL.
func (c *checker) checkTables() {
	for name, t := range c.src.tables {
		flags := strings.Split(t.flags, "|")
		if t.size < 0 {
			c.report(t.line, "data", "%s has no GLOBL", name)
			continue
		}
		if !slices.Contains(flags, "RODATA") || !slices.Contains(flags, "NOPTR") {
			c.report(t.line, "data", "%s is not RODATA|NOPTR", name)
		}
		for i, end := range t.ends {
			if end > t.size {
				c.report(t.lines[i], "data", "DATA ends at byte %d of %s, which has %d", end, name, t.size)
			}
		}
		if len(t.ends) == 0 {
			c.report(t.line, "data", "%s has no DATA", name)
		}
	}
}

// readWords puts the instructions of words in their place, so that the other rules judge these, and
// compares them with the comments.
func (c *checker) readWords(f *fn) {
	for k := range f.insts {
		in := &f.insts[k]
		if c.arch.Word == nil || in.Op != "WORD" || len(in.Args) != 1 {
			continue
		}
		line, text, ok := c.arch.Word(in.Args[0])
		switch word := "WORD " + in.Args[0]; {
		case !ok:
			c.report(in.line, "opcode", "%s is no instruction of the tables of %s", word, c.arch.Arch)
			continue
		case in.Comment == "":
			c.report(in.line, "opcode", "%s without its mnemonic as a comment on the line", word)
		case in.Comment != text:
			c.report(in.line, "opcode", "%s is %s, its comment says %s", word, text, in.Comment)
		}
		line.Comment = in.Comment
		in.Line = line
	}
}

// checkOpcode wants the mnemonic beside raw bytes.
func (c *checker) checkOpcode(in inst) {
	switch in.Op {
	case "BYTE", "WORD", "LONG", "QUAD":
		if !mnemonic.MatchString(in.Comment) {
			c.report(in.line, "opcode", "%s %s without its mnemonic as a comment on the line", in.Op, strings.Join(in.Args, ", "))
		}
	}
}

// offset reads a signed decimal; "" is 0.
func offset(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
