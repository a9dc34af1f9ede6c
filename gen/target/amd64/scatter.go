package amd64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// pair replaces x, y by the results of two instructions on both; x's register is left.
func (s selector) pair(x, y *asm.R, lo, hi string, imms ...asm.Operand) {
	with := func(k int, args ...asm.Operand) []asm.Operand {
		if len(imms) == 0 {
			return args
		}
		return append([]asm.Operand{imms[k]}, args...)
	}
	t := s.Tmp(32)
	s.Op(lo, with(0, *y, *x, t)...)
	s.Op(hi, with(1, *y, *x, *y)...)
	*x = t
}

// quads transposes v[0..3] inside each half: v[j] becomes lane j and lane 4+j of all four.
func (s selector) quads(v []asm.R) {
	s.pair(&v[0], &v[1], "VUNPCKLPS", "VUNPCKHPS")
	s.pair(&v[2], &v[3], "VUNPCKLPS", "VUNPCKHPS")
	s.pair(&v[0], &v[2], "VUNPCKLPD", "VUNPCKHPD")
	s.pair(&v[1], &v[3], "VUNPCKLPD", "VUNPCKHPD")
	v[1], v[2] = v[2], v[1]
}

// transpose turns 8 vectors of 8 lanes; the values move to other registers.
func (s selector) transpose(args []*ir.Value) {
	v := make([]asm.R, len(args))
	for k, a := range args {
		v[k] = s.R(a)
	}
	s.quads(v[:4])
	s.quads(v[4:])
	for k := range 4 {
		s.pair(&v[k], &v[k+4], "VPERM2F128", "VPERM2F128", asm.Imm(0x20), asm.Imm(0x31))
	}
	for k, a := range args {
		s.Rename(a, v[k].Reg)
	}
}

// scatter stores a piece of every lane, in.Imm bytes apart.
func (s selector) scatter(in *ir.Instr) bool {
	to := func(lane int) asm.Operand { return plus(s.Mem(in.Mem), lane*in.Imm) }
	switch in.Op {
	case ir.OpStoreHalves:
		t := s.Tmp(32)
		s.Op("VPACKUSDW", s.R(in.Args[0]), s.R(in.Args[0]), t)
		s.Op("VPERMQ", asm.Imm(0x08), t, t)
		s.Store("VMOVDQU", at(t, 16), s.Mem(in.Mem))
	case ir.OpScatterHalf:
		s.halves(s.R(in.Args[0]), func(lane int, part asm.R, k int) {
			s.Store("VPEXTRW", asm.Imm(2*k), part, to(lane))
		})
	case ir.OpScatterByte:
		s.halves(s.R(in.Args[0]), func(lane int, part asm.R, k int) {
			s.Store("VPEXTRB", asm.Imm(4*k), part, to(lane))
		})
	case ir.OpScatter:
		s.scatterWords(in.Args, to)
	default:
		return false
	}
	return true
}

// halves visits the lanes of v, in its lower and its upper half.
func (s selector) halves(v asm.R, visit func(lane int, part asm.R, k int)) {
	for k := range 4 {
		visit(k, at(v, 16), k)
	}
	hi := s.Tmp(16)
	s.Op("VEXTRACTI128", asm.Imm(1), v, hi)
	for k := range 4 {
		visit(4+k, hi, k)
	}
}

// scatterWords stores lane l of all arguments as one run of words.
func (s selector) scatterWords(args []*ir.Value, to func(lane int) asm.Operand) {
	switch len(args) {
	case 1:
		s.halves(s.R(args[0]), func(lane int, part asm.R, k int) {
			if k == 0 {
				s.Store("VMOVD", part, to(lane))
				return
			}
			s.Store("VPEXTRD", asm.Imm(k), part, to(lane))
		})
	case 2:
		lo, hi := s.Tmp(32), s.Tmp(32)
		s.Op("VUNPCKLPS", s.R(args[1]), s.R(args[0]), lo)
		s.Op("VUNPCKHPS", s.R(args[1]), s.R(args[0]), hi)
		for k, v := range []asm.R{lo, hi} {
			up := s.Tmp(16)
			s.Op("VEXTRACTI128", asm.Imm(1), v, up)
			for h, part := range []asm.R{at(v, 16), up} {
				s.Store("VMOVQ", part, to(4*h+2*k))
				s.Store("VPEXTRQ", asm.Imm(1), part, to(4*h+2*k+1))
			}
		}
	case 4:
		v := make([]asm.R, 4)
		for k, a := range args {
			v[k] = s.R(a)
		}
		s.quads(v)
		for k, r := range v {
			s.Store("VMOVUPS", at(r, 16), to(k))
			s.Store("VEXTRACTI128", asm.Imm(1), r, to(4+k))
		}
	}
}
