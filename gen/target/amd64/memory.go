package amd64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// one maps loads that are a single instruction.
var one = map[ir.Op]string{
	ir.OpBroadcast: "VBROADCASTSS", ir.OpLoadF16: "VCVTPH2PS",
	ir.OpWidenS8: "VPMOVSXBD", ir.OpWidenU8: "VPMOVZXBD",
}

func (s selector) memory(in *ir.Instr) bool {
	switch in.Op {
	case ir.OpConst:
		s.Op("VMOVDQU", s.Sym(in.Const), s.R(in.Dst))
		return true
	case ir.OpZero:
		if in.Dst.Type.Elem == ir.Word {
			r := s.R(in.Dst)
			s.F.Emit(&asm.Inst{Name: "XORQ", Args: []asm.Operand{r, r}, Idiom: true})
			return true
		}
		s.zero(s.R(in.Dst))
		return true
	case ir.OpAs:
		s.Rename(in.Dst, s.Reg(in.Args[0]))
		return true
	}
	if in.Mem.Base == nil {
		return false
	}
	m := s.Mem(in.Mem)
	if name, ok := one[in.Op]; ok {
		s.Op(name, m, s.R(in.Dst))
		return true
	}
	switch in.Op {
	case ir.OpLoad:
		s.Op(moveName(in.Dst.Type), m, s.R(in.Dst))
	case ir.OpStore:
		s.Store(moveName(in.Args[0].Type), s.R(in.Args[0]), m)
	case ir.OpPrefetch:
		s.Store("PREFETCHT0", m)
	case ir.OpLoadLow:
		name := map[int]string{1: "VMOVSS", 2: "VMOVSD", 4: "VMOVUPS", 8: "VMOVUPS"}[in.Imm]
		s.Op(name, m, at(s.R(in.Dst), max(16, 4*in.Imm)))
	case ir.OpStoreLow:
		name := map[int]string{4: "VMOVSS", 8: "VMOVSD", 16: "VMOVUPS"}[in.Imm]
		s.Store(name, at(s.R(in.Args[0]), 16), m)
	case ir.OpPairBroadcast:
		d, t := s.R(in.Dst), s.Tmp(32)
		s.Op("VBROADCASTSS", m, d)
		s.Op("VBROADCASTSS", s.Mem(in.Mem2), t)
		s.Op("VBLENDPS", asm.Imm(0xF0), t, d, d)
	case ir.OpBcastF16:
		t := s.Tmp(16)
		s.Op("VPBROADCASTW", m, t)
		s.Op("VCVTPH2PS", t, s.R(in.Dst))
	case ir.OpStrideF16: // a load of 4 bytes needs no other unit, and the next f16 lies beyond them
		t := s.Tmp(16)
		s.Op("VMOVD", m, t)
		for l := 1; l < in.Dst.Type.Lanes; l++ {
			s.Op("VPINSRW", asm.Imm(l), plus(m, l*in.Imm), t, t)
		}
		s.Op("VCVTPH2PS", t, s.R(in.Dst))
	case ir.OpLoadBF16:
		d := s.R(in.Dst)
		s.Op("VPMOVZXWD", m, d)
		s.Op("VPSLLD", asm.Imm(16), d, d)
	case ir.OpBcastBF16:
		d := s.R(in.Dst)
		s.Op("VPBROADCASTW", m, d)
		s.Op("VPSLLD", asm.Imm(16), d, d)
	case ir.OpBcastE8M0:
		s.e8m0(m, s.R(in.Dst))
	case ir.OpLoadDup:
		s.Op(map[int]string{4: "VPBROADCASTD", 8: "VPBROADCASTQ", 16: "VBROADCASTI128", 32: "VMOVDQU"}[in.Imm], m, s.R(in.Dst))
	case ir.OpLoadPair:
		d := s.R(in.Dst)
		s.Op("VMOVDQU", m, at(d, 16))
		s.Op("VINSERTI128", asm.Imm(1), s.Mem(in.Mem2), d, d)
	case ir.OpGather:
		d, mask, index := s.R(in.Dst), s.Tmp(in.Dst.Type.Bytes()), s.Tmp(in.Dst.Type.Bytes())
		s.Op("VMOVDQU", s.Sym(in.Const), index)
		s.F.Emit(&asm.Inst{Name: "VPCMPEQD", Args: []asm.Operand{mask, mask, mask}, Idiom: true})
		s.zero(d) // three distinct registers: the result is live before the gather
		g := m
		g.Index, g.Scale = index.Reg, 1
		s.F.Emit(&asm.Inst{Name: "VPGATHERDD", Args: []asm.Operand{mask, g, d}, RMW: true, Clobber: []*asm.Reg{mask.Reg}})
	case ir.OpLoadBytes:
		s.loadBytes(m, in.Imm, s.R(in.Dst))
	default:
		return false
	}
	return true
}

func moveName(t ir.Type) string {
	if t.Elem == ir.F32 {
		return "VMOVUPS"
	}
	return "VMOVDQU"
}

// e8m0 puts the exponent byte in place; a zero byte is the subnormal 2^-127.
func (s selector) e8m0(m asm.Mem, d asm.R) {
	zero, t := s.Tmp(d.Width), s.Tmp(d.Width)
	s.Op("VPBROADCASTB", m, at(t, 16))
	s.Op("VPMOVZXBD", at(t, 16), t)
	s.zero(zero)
	s.Op("VPCMPEQD", zero, t, zero)
	s.Op("VPAND", s.Sym(splat(0x00400000)), zero, zero)
	s.Op("VPSLLD", asm.Imm(23), t, t)
	s.Op("VPOR", zero, t, d)
}

// loadBytes reads n < 16 bytes and nothing beyond them.
func (s selector) loadBytes(m asm.Mem, n int, d asm.R) {
	x := at(d, 16)
	off := 0
	switch {
	case n >= 8:
		s.Op("VMOVQ", m, x)
		off = 8
	case n >= 4:
		s.Op("VMOVD", m, x)
		off = 4
	default:
		s.zero(x)
	}
	for _, p := range []struct {
		size int
		name string
	}{{4, "VPINSRD"}, {2, "VPINSRW"}, {1, "VPINSRB"}} {
		if n-off >= p.size {
			s.Op(p.name, asm.Imm(off/p.size), plus(m, off), x, x)
			off += p.size
		}
	}
	s.Op("VINSERTI128", asm.Imm(1), x, d, d)
}
