package asm

import (
	"fmt"
	"strings"
)

func (r R) text(m *Syntax) string {
	name := m.Files[r.Reg.Class][r.Reg.phys]
	if (r.Width != 0 || r.Arrange != "") && m.Register != nil {
		return m.Register(name, r)
	}
	return name
}

func (l List) text(m *Syntax) string {
	var names []string
	for _, r := range l {
		names = append(names, r.text(m))
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func (p Pair) text(m *Syntax) string { return "(" + p[0].text(m) + ", " + p[1].text(m) + ")" }

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
	index := ""
	if a.Index != nil {
		index = R{Reg: a.Index}.text(m)
	}
	return m.Memory(R{Reg: a.Base}.text(m), index, max(1, a.Scale), a.Disp)
}

func (p Param) text(*Syntax) string { return fmt.Sprintf("%s+%d(FP)", p.Name, p.Off) }

func (s Slot) text(m *Syntax) string { return fmt.Sprintf("%d(%s)", m.Kept+s.Off, m.Stack) }

func (s Sym) text(*Syntax) string { return fmt.Sprintf("%s<>+%d(SB)", s.Name, s.Off) }

func (a Address) text(m *Syntax) string { return "$" + a.Of.text(m) }

// smallFrame is the most that a function takes from the stack without asking for room: the linker
// grants 792 bytes to a chain of such calls.
const smallFrame = 640

// flags are those of TEXT: a leaf that needs little stack does not check for it.
func (f *Func) flags() string {
	if f.Frame > smallFrame {
		return "0"
	}
	return "NOSPLIT"
}

// Text prints the function after Allocate.
func (f *Func) Text(m *Syntax) string { return f.Head() + f.Body(m) }

// Head prints what stands before the instructions.
func (f *Func) Head() string {
	var b strings.Builder
	for _, d := range f.Doc {
		fmt.Fprintf(&b, "// %s\n", d)
	}
	if len(f.Requires) > 0 {
		fmt.Fprintf(&b, "// Requires: %s\n", strings.Join(f.Requires, ", "))
	}
	fmt.Fprintf(&b, "TEXT ·%s(SB), %s, $%d-%d\n", f.Name, f.flags(), f.Frame, f.ArgBytes)
	return b.String()
}

// Body prints the instructions after Allocate, one a line, operands aligned.
func (f *Func) Body(m *Syntax) string {
	var b strings.Builder
	for _, it := range f.items {
		switch {
		case it.note != "":
			fmt.Fprintf(&b, "\n\t// %s\n", it.note)
		case it.label != "":
			fmt.Fprintf(&b, "\n%s:\n", it.label)
		case it.jump != "":
			fmt.Fprintf(&b, "\t%-12s %s\n", it.jump, it.to)
		case it.inst != nil:
			b.WriteString(it.inst.line(m) + "\n")
		}
	}
	fmt.Fprintf(&b, "\t%s\n", m.Return)
	return b.String()
}

// line prints an instruction, or its word with the instruction beside it.
func (in *Inst) line(m *Syntax) string {
	var args []string
	for _, a := range in.Args {
		args = append(args, a.text(m))
	}
	name, operands, comment := in.Name, strings.Join(args, ", "), in.Comment
	if in.Encode != nil {
		word, text := in.Encode(in.numbers(m))
		if text == "" {
			text = name + " " + operands
		}
		return strings.TrimRight(fmt.Sprintf("\tWORD $%#08x // %s  %s", word, text, comment), " ")
	}
	line := fmt.Sprintf("\t%-12s %s", name, operands)
	if comment != "" {
		line = fmt.Sprintf("%-56s // %s", line, comment)
	}
	return strings.TrimRight(line, " ")
}

// numbers are those of the registers of an instruction, in the order of its operands.
func (in *Inst) numbers(m *Syntax) (list []int) {
	for _, a := range in.Args {
		for _, r := range uses(a) {
			list = append(list, m.Number(m.Files[r.Class][r.phys]))
		}
	}
	return list
}
