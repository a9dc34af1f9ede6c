package asm

import (
	"fmt"
	"strings"
)

func (r R) text(m *Syntax) string {
	name := m.Files[r.Reg.Class][r.Reg.phys]
	if r.Width != 0 && m.Widen != nil {
		return m.Widen(name, r.Width)
	}
	return name
}

func (i Imm) text(*Syntax) string {
	if i >= 0 && i < 10 {
		return fmt.Sprintf("$%d", int64(i))
	}
	if i < 0 {
		return fmt.Sprintf("$%d", int64(i))
	}
	return fmt.Sprintf("$%#x", int64(i))
}

func (a Mem) text(m *Syntax) string {
	s := fmt.Sprintf("(%s)", R{Reg: a.Base}.text(m))
	if a.Disp != 0 {
		s = fmt.Sprintf("%d%s", a.Disp, s)
	}
	if a.Index != nil {
		s += fmt.Sprintf("(%s*%d)", R{Reg: a.Index}.text(m), max(1, a.Scale))
	}
	return s
}

func (p Param) text(*Syntax) string { return fmt.Sprintf("%s+%d(FP)", p.Name, p.Off) }

func (s Slot) text(*Syntax) string { return fmt.Sprintf("%d(SP)", s.Off) }

func (s Sym) text(*Syntax) string { return fmt.Sprintf("%s<>+%d(SB)", s.Name, s.Off) }

// smallFrame is the most that a function takes from the stack without asking for room: the linker grants 792 bytes to a
// chain of such calls.
const smallFrame = 640

// flags are those of TEXT: a leaf that needs little stack does not check for it.
func (f *Func) flags() string {
	if f.Frame > smallFrame {
		return "0"
	}
	return "NOSPLIT"
}

// Text prints the function after Allocate, one instruction a line, operands aligned.
func (f *Func) Text(m *Syntax) string {
	var b strings.Builder
	for _, d := range f.Doc {
		fmt.Fprintf(&b, "// %s\n", d)
	}
	if len(f.Requires) > 0 {
		fmt.Fprintf(&b, "// Requires: %s\n", strings.Join(f.Requires, ", "))
	}
	fmt.Fprintf(&b, "TEXT ·%s(SB), %s, $%d-%d\n", f.Name, f.flags(), f.Frame, f.ArgBytes)
	for _, it := range f.items {
		switch {
		case it.note != "":
			fmt.Fprintf(&b, "\n\t// %s\n", it.note)
		case it.label != "":
			fmt.Fprintf(&b, "\n%s:\n", it.label)
		case it.jump != "":
			fmt.Fprintf(&b, "\t%-12s %s\n", it.jump, it.to)
		case it.inst != nil:
			var args []string
			for _, a := range it.inst.Args {
				args = append(args, a.text(m))
			}
			line := fmt.Sprintf("\t%-12s %s", it.inst.Name, strings.Join(args, ", "))
			if it.inst.Comment != "" {
				line = fmt.Sprintf("%-56s // %s", line, it.inst.Comment)
			}
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	fmt.Fprintf(&b, "\t%s\n", m.Ret)
	return b.String()
}
