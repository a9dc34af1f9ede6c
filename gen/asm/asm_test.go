package asm

import (
	"fmt"
	"strings"
	"testing"
)

// small is a machine with 3 general and 2 vector registers.
func small() *Syntax {
	m := &Syntax{Stack: "RSP", Kept: 8, Return: "RET"}
	m.Files[GP] = []string{"R4", "R5", "R6"}
	m.Files[Vec] = []string{"V1", "V2"}
	m.Register = func(name string, r R) string { return name + "." + r.Arrange }
	m.Number = func(name string) int { return int(name[1] - '0') }
	m.Memory = func(base, index string, scale, disp int) string {
		return fmt.Sprintf("[%s %s %d %d]", base, index, scale, disp)
	}
	return m
}

// build is a function whose registers are called by the letters of the instructions: "ADD a b"
// reads a and writes b, "STORE! a" reads all, "ACC+ a b" reads and writes b, "ZERO= a" reads
// nothing, { and } are a loop.
func build(text string) *Func {
	f := &Func{Name: "f"}
	regs := map[string]*Reg{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			continue
		case words[0] == "{":
			f.OpenLoop()
			continue
		case words[0] == "}":
			f.CloseLoop()
			continue
		}
		name := strings.TrimRight(words[0], "!+=")
		in := &Inst{Name: name, NoWrite: strings.HasSuffix(words[0], "!"), RMW: strings.HasSuffix(words[0], "+"), Idiom: strings.HasSuffix(words[0], "=")}
		for _, w := range words[1:] {
			if regs[w] == nil {
				regs[w] = f.NewReg(Vec, w)
			}
			in.Args = append(in.Args, R{Reg: regs[w]})
		}
		f.Emit(in)
	}
	return f
}

// TestAllocate gives two registers to functions that need no more, and says who is in the way where
// one does.
func TestAllocate(t *testing.T) {
	for _, c := range []struct{ what, text, want string }{
		{"a result takes the register of what dies", "LOAD= a\nLOAD= b\nADD a b c\nSTORE! c", "LOAD V1; LOAD V2; ADD V1, V2, V1; STORE V1"},
		{"an accumulator stays where it is", "LOAD= a\nLOAD= b\nACC+ b a\nSTORE! a", "LOAD V1; LOAD V2; ACC V2, V1; STORE V1"},
		{"what a loop reads lives to its end", "LOAD= a\n{\nADD a b\nSTORE! b\n}\n", "LOAD V1; ADD V1, V2; STORE V2"},
		{"what dies before a loop is free in it", "LOAD= a\nSTORE! a\n{\nLOAD= b\nLOAD= c\nADD b c d\nSTORE! d\n}\n", "LOAD V1; STORE V1; LOAD V1; LOAD V2; ADD V1, V2, V1; STORE V1"},
		{"an idiom does not read", "XOR= a a\nSTORE! a", "XOR V1, V1; STORE V1"},
	} {
		f := build(c.text)
		if err := f.Allocate(small()); err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		text := f.Text(small())
		var lines []string
		for line := range strings.Lines(text) {
			if line = strings.Join(strings.Fields(line), " "); line != "RET" && !strings.HasPrefix(line, "TEXT") {
				lines = append(lines, line)
			}
		}
		if got := strings.Join(lines, "; "); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, got, c.want)
		}
	}
	for what, text := range map[string]string{
		"three at once":                    "LOAD= a\nLOAD= b\nLOAD= c\nADD a b c\nSTORE! c",
		"a value carried around a loop":    "LOAD= a\nLOAD= b\n{\nADD a b c\nSTORE! c\n}\n",
		"one that a loop writes and reads": "LOAD= a\nLOAD= b\n{\nLOAD= c\nACC+ c a\nSTORE! b\n}\n",
	} {
		if err := build(text).Allocate(small()); err == nil || !strings.Contains(err.Error(), "f needs more than 2 registers of class 1: a b") {
			t.Errorf("%s: %v", what, err)
		}
	}
	defer func() {
		if why := fmt.Sprint(recover()); !strings.Contains(why, "f reads b before it is written at 1") {
			t.Errorf("a register that nothing wrote: %s", why)
		}
	}()
	build("LOAD= a\nADD a b c").Allocate(small())
}

// TestClobber keeps a value out of a register that an instruction also writes.
func TestClobber(t *testing.T) {
	f := &Func{Name: "f"}
	mask, x := f.NewReg(Vec, "mask"), f.NewReg(Vec, "x")
	f.Emit(&Inst{Name: "SET", Args: []Operand{R{Reg: mask}}})
	f.Emit(&Inst{Name: "GATHER", Args: []Operand{R{Reg: mask}, R{Reg: x}}, Clobber: []*Reg{mask}})
	f.Emit(&Inst{Name: "STORE", Args: []Operand{R{Reg: x}}, NoWrite: true})
	if err := f.Allocate(small()); err != nil {
		t.Fatal(err)
	}
	if text := f.Text(small()); !strings.Contains(text, "V1, V2") {
		t.Errorf("the result took the register of the mask:\n%s", text)
	}
}

// TestText prints every kind of operand, and an instruction that is encoded.
func TestText(t *testing.T) {
	m := small()
	f := &Func{Name: "f", Doc: []string{"f is a test."}, ArgBytes: 16, Requires: []string{"DOT"}}
	p, n, x := f.NewReg(GP, "p"), f.NewReg(GP, "n"), f.NewReg(Vec, "x")
	f.AllocSlot(20)
	f.Emit(&Inst{Name: "MOVD", Args: []Operand{Param{"p", 0}, R{Reg: p}}})
	f.Emit(&Inst{Name: "MOVD", Args: []Operand{Address{Sym{"t", 8}}, R{Reg: n}}, Comment: "a table"})
	f.Note("phase")
	f.Emit(&Inst{Name: "LD1", Args: []Operand{Mem{Base: p, Index: n, Scale: 4, Disp: -8}, List{{Reg: x, Arrange: "S4"}}}})
	f.Emit(&Inst{Name: "SDOT", Args: []Operand{R{Reg: x, Arrange: "B16"}, R{Reg: x, Arrange: "B16"}, R{Reg: x, Arrange: "S4"}}, RMW: true,
		Encode: func(n []int) (uint32, string) { return 0x0E809400 | uint32(n[0]<<16|n[1]<<5|n[2]), "" }})
	f.Label("done1")
	f.Emit(&Inst{Name: "CMP", Args: []Operand{Imm(10), Imm(-1), Imm(9), Slot{f.AllocSlot(8)}, Sym{"t", 0}}, NoWrite: true})
	f.Jump("BNE", "done1")
	if err := f.Allocate(m); err != nil {
		t.Fatal(err)
	}
	const want = `// f is a test.
// Requires: DOT
TEXT ·f(SB), NOSPLIT, $32-16
	MOVD         p+0(FP), R4
	MOVD         $t<>+8(SB), R5                             // a table

	// phase
	LD1          [R4 R5 4 -8], [V1.S4]
	WORD $0x0e819421 // SDOT V1.B16, V1.B16, V1.S4

done1:
	CMP          $0xa, $-1, $9, 32(RSP), t<>+0(SB)
	BNE          done1
	RET
`
	if got := f.Text(m); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestGroup gives consecutive registers to a list, which lives as long as the last of them, and
// says when there are enough registers but no such run.
func TestGroup(t *testing.T) {
	m := small()
	m.Files[Vec] = []string{"V1", "V2", "V3", "V4"}
	make := func(before int) (*Func, []*Reg) {
		f := &Func{Name: "f"}
		load := func(r *Reg) { f.Emit(&Inst{Name: "LOAD", Args: []Operand{R{Reg: r}}, Idiom: true}) }
		var kept []*Reg
		for range before {
			kept = append(kept, f.NewReg(Vec, "kept"))
			load(kept[len(kept)-1])
		}
		if before > 1 { // the first is free again
			f.Emit(&Inst{Name: "STORE", Args: []Operand{R{Reg: kept[0]}}, NoWrite: true})
		}
		list := f.NewGroup(Vec, "list", 3)
		for _, r := range list {
			load(r)
		}
		var args List
		for _, r := range list {
			args = append(args, R{Reg: r})
		}
		f.Emit(&Inst{Name: "TBL", Args: []Operand{args}, NoWrite: true})
		f.Emit(&Inst{Name: "STORE", Args: []Operand{R{Reg: kept[len(kept)-1]}}, NoWrite: true})
		return f, list
	}
	f, list := make(1)
	if err := f.Allocate(m); err != nil || list[0].phys != 1 || list[1].phys != 2 || list[2].phys != 3 {
		t.Errorf("%v; the list is in %d, %d, %d", err, list[0].phys, list[1].phys, list[2].phys)
	}
	f, _ = make(2)
	if err := f.Allocate(m); err == nil {
		t.Errorf("three in a row of V1, V3, V4:\n%s", f.Text(m))
	}
}
