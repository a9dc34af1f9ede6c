package arm64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/target/simd"
)

// selector writes instructions of arm64.
type selector struct{ *simd.Selector }

// instr selects an operation, and reports whether there is a selection.
func (s selector) instr(in *ir.Instr) bool {
	return s.scalar(in) || s.simple(in) || s.load(in) || s.store(in) || s.compute(in) || s.floats(in) || s.dots(in) || s.lanes(in)
}

// op appends an instruction of the table that writes d. The operands are in the order of its text.
func (s selector) op(key string, d asm.R, from ...asm.Operand) { s.word(key, asm.Inst{}, &d, from) }

// rmw appends one that reads d as well.
func (s selector) rmw(key string, d asm.R, from ...asm.Operand) {
	s.word(key, asm.Inst{RMW: true}, &d, from)
}

// put appends one that writes no register.
func (s selector) put(key string, from ...asm.Operand) {
	s.word(key, asm.Inst{NoWrite: true}, nil, from)
}

// word appends an instruction of the table. The register that is written is the first operand of
// its text and the last of an asm.Inst. Of a list of registers the first is in the word.
func (s selector) word(key string, in asm.Inst, d *asm.R, from []asm.Operand) {
	row := byKey[key]
	if row == nil {
		panic("arm64: no instruction " + key)
	}
	if f := row.feature; f != "" && !s.ISA.Has(f) {
		panic("arm64: " + key + " needs " + f + ", which " + s.ISA.Name + " does not promise")
	}
	var take []func(numbers []int) int // the operands as values, in the order of the text
	for _, o := range from {
		switch o := o.(type) {
		case asm.Imm:
			take = append(take, func([]int) int { return int(o) })
			continue
		case asm.R:
			at := registers(in.Args)
			take = append(take, func(n []int) int { return n[at] })
		case asm.List:
			at := registers(in.Args)
			take = append(take, func(n []int) int { return n[at] })
		default:
			panic("arm64: " + key + " takes registers and numbers")
		}
		in.Args = append(in.Args, o)
	}
	if d != nil {
		at := registers(in.Args)
		in.Args = append(in.Args, *d)
		take = append([]func([]int) int{func(n []int) int { return n[at] }}, take...)
	}
	in.Name = row.key
	in.Idiom = d != nil && len(in.Args) == 1 && !in.RMW
	in.Encode = func(numbers []int) (uint32, string) {
		values := make([]int, len(take))
		for k := range take {
			values[k] = take[k](numbers)
		}
		return row.encode(values)
	}
	s.F.Emit(&in)
}

// registers counts those of operands.
func registers(args []asm.Operand) (n int) {
	for _, a := range args {
		if l, ok := a.(asm.List); ok {
			n += len(l)
		} else {
			n++
		}
	}
	return n
}

// v is a fresh vector register, x a fresh general one.
func (s selector) v() asm.R { return s.Tmp(16) }
func (s selector) x() asm.R { return asm.R{Reg: s.F.NewReg(asm.GP, "tmp")} }

// make1 is what one instruction makes, in a fresh register.
func (s selector) make1(key string, from ...asm.Operand) asm.R {
	t := s.v()
	s.op(key, t, from...)
	return t
}

// result is the register for a result that is written before all arguments have been read: that
// of the value, or where the value is an argument as well, a fresh one, which done then copies.
func (s selector) result(in *ir.Instr) asm.R {
	for _, a := range in.Args {
		if s.Reg(a) == s.Reg(in.Dst) {
			return s.v()
		}
	}
	return s.R(in.Dst)
}

func (s selector) done(in *ir.Instr, r asm.R) {
	if d := s.R(in.Dst); d.Reg != r.Reg {
		s.op("orr", d, r, r)
	}
}

// second is the second operand: a value, or a constant in a register.
func (s selector) second(in *ir.Instr) asm.R {
	if in.Const != nil {
		return s.ConstantRegister(in.Const)
	}
	return s.R(in.Args[1])
}

// splat is a constant of 4 equal words in a register.
func (s selector) splat(w uint32) asm.R { return s.ConstantRegister(words(w, w, w, w)) }

// constant brings 16 bytes into a register: by an immediate where there is one.
func (s selector) constant(c []byte, d asm.R) {
	if key, imm, ok := immediate(c); ok {
		s.op(key, d, asm.Imm(imm))
		return
	}
	at := s.x()
	s.Op("MOVD", asm.Address{Of: s.Sym(c)}, at)
	s.Op("FMOVQ", asm.Mem{Base: at.Reg}, d)
}

// immediate is the instruction that makes a constant of equal bytes, or of equal words in which one
// byte is not 0.
func immediate(c []byte) (key string, imm int, ok bool) {
	w := word(c, 0)
	for l := range len(c) / 4 {
		if word(c, l) != w {
			return "", 0, false
		}
	}
	if w == w&0xff*0x01010101 {
		return "movi.16b", int(w & 0xff), true
	}
	for k, key := range []string{"movi.4s", "movi.4s8", "movi.4s16", "movi.4s24"} {
		if b := w >> (8 * k) & 0xff; b<<(8*k) == w {
			return key, int(b), true
		}
	}
	return "", 0, false
}

// at is the address of memory without an index, n bytes further.
func (s selector) at(m ir.Mem, n int) asm.Mem {
	if m.Index == nil {
		return asm.Mem{Base: s.Reg(m.Base), Disp: m.Off + n}
	}
	base, index := s.x(), asm.R{Reg: s.Reg(m.Index)}
	if m.Scale > 1 {
		index.Arrange = shifted(m.Scale)
	}
	s.Op("ADD", index, asm.R{Reg: s.Reg(m.Base)}, base)
	return asm.Mem{Base: base.Reg, Disp: m.Off + n}
}

// pointer is an address in a register.
func (s selector) pointer(m asm.Mem) asm.R {
	base := asm.R{Reg: m.Base}
	if m.Disp == 0 {
		return base
	}
	t := s.x()
	s.Op("ADD", asm.Imm(m.Disp), base, t)
	return t
}

func plus(m asm.Mem, n int) asm.Mem { m.Disp += n; return m }
