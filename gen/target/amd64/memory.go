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

func (s *selector) memory(in *ir.Instr) {
	switch in.Op {
	case ir.OpConst:
		s.op("VMOVDQU", s.pool.sym(in.Const), s.r(in.Dst))
		return
	case ir.OpZero:
		if in.Dst.Type.Elem == ir.Word {
			r := s.r(in.Dst)
			s.f.Emit(&asm.Inst{Name: "XORQ", Args: []asm.Operand{r, r}, Idiom: true})
			return
		}
		s.zero(s.r(in.Dst))
		return
	case ir.OpAs:
		s.regs[in.Dst] = s.reg(in.Args[0])
		return
	}
	m := s.mem(in.Mem)
	if name, ok := one[in.Op]; ok {
		s.op(name, m, s.r(in.Dst))
		return
	}
	switch in.Op {
	case ir.OpLoad:
		s.op(moveName(in.Dst.Type), m, s.r(in.Dst))
	case ir.OpStore:
		s.store(moveName(in.Args[0].Type), s.r(in.Args[0]), m)
	case ir.OpPrefetch:
		s.store("PREFETCHT0", m)
	case ir.OpLoadLow:
		name := map[int]string{1: "VMOVSS", 2: "VMOVSD", 4: "VMOVUPS", 8: "VMOVUPS"}[in.Imm]
		s.op(name, m, at(s.r(in.Dst), max(16, 4*in.Imm)))
	case ir.OpStoreLow:
		name := map[int]string{4: "VMOVSS", 8: "VMOVSD", 16: "VMOVUPS"}[in.Imm]
		s.store(name, at(s.r(in.Args[0]), 16), m)
	case ir.OpPairBroadcast:
		d, t := s.r(in.Dst), s.tmp(32)
		s.op("VBROADCASTSS", m, d)
		s.op("VBROADCASTSS", s.mem(in.Mem2), t)
		s.op("VBLENDPS", asm.Imm(0xF0), t, d, d)
	case ir.OpBcastF16:
		t := s.tmp(16)
		s.op("VPBROADCASTW", m, t)
		s.op("VCVTPH2PS", t, s.r(in.Dst))
	case ir.OpStrideF16: // a load of 4 bytes needs no other unit, and the next f16 lies beyond them
		t := s.tmp(16)
		s.op("VMOVD", m, t)
		for l := 1; l < in.Dst.Type.Lanes; l++ {
			s.op("VPINSRW", asm.Imm(l), plus(m, l*in.Imm), t, t)
		}
		s.op("VCVTPH2PS", t, s.r(in.Dst))
	case ir.OpLoadBF16:
		d := s.r(in.Dst)
		s.op("VPMOVZXWD", m, d)
		s.op("VPSLLD", asm.Imm(16), d, d)
	case ir.OpBcastBF16:
		d := s.r(in.Dst)
		s.op("VPBROADCASTW", m, d)
		s.op("VPSLLD", asm.Imm(16), d, d)
	case ir.OpBcastE8M0:
		s.e8m0(m, s.r(in.Dst))
	case ir.OpLoadDup:
		s.op(map[int]string{4: "VPBROADCASTD", 8: "VPBROADCASTQ", 16: "VBROADCASTI128", 32: "VMOVDQU"}[in.Imm], m, s.r(in.Dst))
	case ir.OpLoadPair:
		d := s.r(in.Dst)
		s.op("VMOVDQU", m, at(d, 16))
		s.op("VINSERTI128", asm.Imm(1), s.mem(in.Mem2), d, d)
	case ir.OpGather:
		d, mask, index := s.r(in.Dst), s.tmp(in.Dst.Type.Bytes()), s.tmp(in.Dst.Type.Bytes())
		s.op("VMOVDQU", s.pool.sym(in.Const), index)
		s.f.Emit(&asm.Inst{Name: "VPCMPEQD", Args: []asm.Operand{mask, mask, mask}, Idiom: true})
		s.zero(d) // three distinct registers: the result is live before the gather
		g := m.(asm.Mem)
		g.Index, g.Scale = index.Reg, 1
		s.f.Emit(&asm.Inst{Name: "VPGATHERDD", Args: []asm.Operand{mask, g, d}, RMW: true, Clobber: []*asm.Reg{mask.Reg}})
	case ir.OpLoadBytes:
		s.loadBytes(m, in.Imm, s.r(in.Dst))
	default:
		s.bug(in)
	}
}

func moveName(t ir.Type) string {
	if t.Elem == ir.F32 {
		return "VMOVUPS"
	}
	return "VMOVDQU"
}

// e8m0 puts the exponent byte in place; a zero byte is the subnormal 2^-127.
func (s *selector) e8m0(m asm.Operand, d asm.R) {
	zero, t := s.tmp(d.Width), s.tmp(d.Width)
	s.op("VPBROADCASTB", m, at(t, 16))
	s.op("VPMOVZXBD", at(t, 16), t)
	s.zero(zero)
	s.op("VPCMPEQD", zero, t, zero)
	s.op("VPAND", s.pool.sym(splat(0x00400000)), zero, zero)
	s.op("VPSLLD", asm.Imm(23), t, t)
	s.op("VPOR", zero, t, d)
}

// loadBytes reads n < 16 bytes and nothing beyond them.
func (s *selector) loadBytes(m asm.Operand, n int, d asm.R) {
	x := at(d, 16)
	off := 0
	switch {
	case n >= 8:
		s.op("VMOVQ", m, x)
		off = 8
	case n >= 4:
		s.op("VMOVD", m, x)
		off = 4
	default:
		s.zero(x)
	}
	for _, p := range []struct {
		size int
		name string
	}{{4, "VPINSRD"}, {2, "VPINSRW"}, {1, "VPINSRB"}} {
		if n-off >= p.size {
			s.op(p.name, asm.Imm(off/p.size), plus(m, off), x, x)
			off += p.size
		}
	}
	s.op("VINSERTI128", asm.Imm(1), x, d, d)
}
