package amd64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// pair replaces x, y by the results of two instructions on both; x's register is left.
func (s *selector) pair(x, y *asm.R, lo, hi string, imms ...asm.Operand) {
	with := func(k int, args ...asm.Operand) []asm.Operand {
		if len(imms) == 0 {
			return args
		}
		return append([]asm.Operand{imms[k]}, args...)
	}
	t := s.tmp(32)
	s.op(lo, with(0, *y, *x, t)...)
	s.op(hi, with(1, *y, *x, *y)...)
	*x = t
}

// quads transposes v[0..3] inside each half: v[j] becomes lane j and lane 4+j of all four.
func (s *selector) quads(v []asm.R) {
	s.pair(&v[0], &v[1], "VUNPCKLPS", "VUNPCKHPS")
	s.pair(&v[2], &v[3], "VUNPCKLPS", "VUNPCKHPS")
	s.pair(&v[0], &v[2], "VUNPCKLPD", "VUNPCKHPD")
	s.pair(&v[1], &v[3], "VUNPCKLPD", "VUNPCKHPD")
	v[1], v[2] = v[2], v[1]
}

// transpose turns 8 vectors of 8 lanes; the values move to other registers.
func (s *selector) transpose(args []*ir.Value) {
	v := make([]asm.R, len(args))
	for k, a := range args {
		v[k] = s.r(a)
	}
	s.quads(v[:4])
	s.quads(v[4:])
	for k := range 4 {
		s.pair(&v[k], &v[k+4], "VPERM2F128", "VPERM2F128", asm.Imm(0x20), asm.Imm(0x31))
	}
	for k, a := range args {
		s.regs[a] = v[k].Reg
	}
}

// scatter stores a piece of every lane, in.Imm bytes apart.
func (s *selector) scatter(in *ir.Instr) {
	to := func(lane int) asm.Operand { return plus(s.mem(in.Mem), lane*in.Imm) }
	switch in.Op {
	case ir.OpStoreHalves:
		t := s.tmp(32)
		s.op("VPACKUSDW", s.r(in.Args[0]), s.r(in.Args[0]), t)
		s.op("VPERMQ", asm.Imm(0x08), t, t)
		s.store("VMOVDQU", at(t, 16), s.mem(in.Mem))
	case ir.OpScatterHalf:
		s.halves(s.r(in.Args[0]), func(lane int, part asm.R, k int) {
			s.store("VPEXTRW", asm.Imm(2*k), part, to(lane))
		})
	case ir.OpScatterByte:
		s.halves(s.r(in.Args[0]), func(lane int, part asm.R, k int) {
			s.store("VPEXTRB", asm.Imm(4*k), part, to(lane))
		})
	case ir.OpScatter:
		s.scatterWords(in.Args, to)
	default:
		s.bug(in)
	}
}

// halves visits the lanes of v, in its lower and its upper half.
func (s *selector) halves(v asm.R, visit func(lane int, part asm.R, k int)) {
	for k := range 4 {
		visit(k, at(v, 16), k)
	}
	hi := s.tmp(16)
	s.op("VEXTRACTI128", asm.Imm(1), v, hi)
	for k := range 4 {
		visit(4+k, hi, k)
	}
}

// scatterWords stores lane l of all arguments as one run of words.
func (s *selector) scatterWords(args []*ir.Value, to func(lane int) asm.Operand) {
	switch len(args) {
	case 1:
		s.halves(s.r(args[0]), func(lane int, part asm.R, k int) {
			if k == 0 {
				s.store("VMOVD", part, to(lane))
				return
			}
			s.store("VPEXTRD", asm.Imm(k), part, to(lane))
		})
	case 2:
		lo, hi := s.tmp(32), s.tmp(32)
		s.op("VUNPCKLPS", s.r(args[1]), s.r(args[0]), lo)
		s.op("VUNPCKHPS", s.r(args[1]), s.r(args[0]), hi)
		for k, v := range []asm.R{lo, hi} {
			up := s.tmp(16)
			s.op("VEXTRACTI128", asm.Imm(1), v, up)
			for h, part := range []asm.R{at(v, 16), up} {
				s.store("VMOVQ", part, to(4*h+2*k))
				s.store("VPEXTRQ", asm.Imm(1), part, to(4*h+2*k+1))
			}
		}
	case 4:
		v := make([]asm.R, 4)
		for k, a := range args {
			v[k] = s.r(a)
		}
		s.quads(v)
		for k, r := range v {
			s.store("VMOVUPS", at(r, 16), to(k))
			s.store("VEXTRACTI128", asm.Imm(1), r, to(4+k))
		}
	}
}
