package amd64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// straight maps the operations of encoders that are one instruction: Args[1] or a
// constant, Args[0], Dst in Go's operand order.
var straight = map[ir.Op]string{
	ir.OpDiv: "VDIVPS", ir.OpSqrt: "VSQRTPS", ir.OpMinF: "VMINPS", ir.OpMaxF: "VMAXPS",
	ir.OpTruncI: "VCVTTPS2DQ", ir.OpRintI: "VCVTPS2DQ",
	ir.OpSubI: "VPSUBD", ir.OpMulI: "VPMULLD", ir.OpMinI: "VPMINSD", ir.OpMaxI: "VPMAXSD", ir.OpAbsI: "VPABSD", ir.OpAverage: "VPAVGB",
}

// relation is the immediate of VCMPPS. The ordered comparisons are false for a NaN.
var relation = map[ir.Relation]int{ir.Equal: 0x00, ir.NotEqual: 0x04, ir.Less: 0x11, ir.LessEqual: 0x12, ir.Greater: 0x1E, ir.GreaterEqual: 0x1D, ir.NotLess: 0x15}

// unordered is the immediate that asks for NaNs.
const unordered = 0x03

// lanes selects the operations of encoders, transforms and the rounding of activations.
func (s selector) lanes(in *ir.Instr) bool {
	if name, ok := straight[in.Op]; ok {
		s.Op(name, append(s.second(in), s.R(in.Args[0]), s.R(in.Dst))...)
		return true
	}
	switch in.Op {
	case ir.OpTable:
		c := in.Const
		for len(c)%8 != 0 {
			c = append(c, 0)
		}
		s.Op("LEAQ", s.Sym(c), s.R(in.Dst))
	case ir.OpAlign:
		s.RMW("ADDQ", asm.Imm(in.Imm-1), s.R(in.Args[0]))
		s.RMW("ANDQ", asm.Imm(-in.Imm), s.R(in.Args[0]))
	case ir.OpFloor:
		s.Op("VROUNDPS", asm.Imm(9), s.R(in.Args[0]), s.R(in.Dst))
	case ir.OpCompareF:
		args := append([]asm.Operand{asm.Imm(relation[in.Imm])}, s.second(in)...)
		s.Op("VCMPPS", append(args, s.R(in.Args[0]), s.R(in.Dst))...)
	case ir.OpCompareI:
		name := map[ir.Relation]string{ir.Equal: "VPCMPEQD", ir.Greater: "VPCMPGTD"}[in.Imm]
		s.Op(name, append(s.second(in), s.R(in.Args[0]), s.R(in.Dst))...)
	case ir.OpSelect:
		s.Op("VBLENDVPS", s.R(in.Args[0]), s.R(in.Args[1]), s.R(in.Args[2]), s.R(in.Dst))
	case ir.OpDivI:
		s.divide(s.R(in.Args[0]), s.R(in.Args[1]), s.R(in.Dst))
	case ir.OpToF16:
		s.Op("VPMOVZXWD", s.toF16(s.R(in.Args[0])), s.R(in.Dst))
	case ir.OpRoundF16:
		s.Op("VCVTPH2PS", s.toF16(s.R(in.Args[0])), s.R(in.Dst))
	case ir.OpToBF16:
		s.toBF16(s.R(in.Args[0]), s.R(in.Dst))
	case ir.OpLevels:
		d, mask := s.R(in.Dst), s.Tmp(32)
		s.F.Emit(&asm.Inst{Name: "VPCMPEQD", Args: []asm.Operand{mask, mask, mask}, Idiom: true})
		s.zero(d) // three distinct registers: the result is live before the gather
		g := s.Mem(in.Mem)
		g.Index, g.Scale = s.Reg(in.Args[0]), 4
		s.F.Emit(&asm.Inst{Name: "VGATHERDPS", Args: []asm.Operand{mask, g, d}, RMW: true, Clobber: []*asm.Reg{mask.Reg}})
	case ir.OpLevels8:
		d, mask, index := s.R(in.Dst), s.Tmp(32), s.Tmp(32)
		s.F.Emit(&asm.Inst{Name: "VPCMPEQD", Args: []asm.Operand{mask, mask, mask}, Idiom: true})
		s.zero(d) // as above
		s.Op("VPBLENDD", asm.Imm(0xAA), d, s.R(in.Args[0]), index)
		g := s.Mem(in.Mem)
		g.Index, g.Scale = index.Reg, 8
		s.F.Emit(&asm.Inst{Name: "VPGATHERQQ", Args: []asm.Operand{mask, g, d}, RMW: true, Clobber: []*asm.Reg{mask.Reg}})
	case ir.OpSum4:
		s.sum4(s.R(in.Dst), in.Args, in.Dst.Type.Elem)
	case ir.OpAddPairs:
		name := map[ir.Elem]string{ir.I32: "VPHADDD", ir.F32: "VHADDPS"}[in.Dst.Type.Elem]
		s.Op(name, s.R(in.Args[1]), s.R(in.Args[0]), s.R(in.Dst))
	case ir.OpSwap:
		s.swap(s.R(in.Args[0]), s.R(in.Dst), in.Imm)
	case ir.OpMerge:
		upper := map[int]int{1: 0xAA, 2: 0xCC, 4: 0xF0}[in.Imm]
		s.Op("VBLENDPS", asm.Imm(upper), s.R(in.Args[1]), s.R(in.Args[0]), s.R(in.Dst))
	case ir.OpOrder:
		s.Op("VPERMD", at(s.R(in.Args[0]), 32), s.ConstantRegister(in.Const), s.R(in.Dst))
	case ir.OpPackS4:
		lo, hi, order := s.Tmp(32), s.Tmp(32), s.Tmp(32)
		s.Op("VPACKSSDW", s.R(in.Args[1]), s.R(in.Args[0]), lo)
		s.Op("VPACKSSDW", s.R(in.Args[3]), s.R(in.Args[2]), hi)
		s.Op("VPACKSSWB", hi, lo, lo)
		s.Op("VMOVDQU", s.Sym(dwords(0, 4, 1, 5, 2, 6, 3, 7)), order)
		s.Op("VPERMD", lo, order, s.R(in.Dst))
	case ir.OpPackS2:
		t := s.Tmp(32)
		s.Op("VPACKSSDW", s.R(in.Args[1]), s.R(in.Args[0]), t)
		s.Op("VPERMQ", asm.Imm(0xD8), t, s.R(in.Dst))
	case ir.OpZipWords:
		name := [...]string{"VPUNPCKLWD", "VPUNPCKHWD"}[in.Imm]
		s.Op(name, s.R(in.Args[1]), s.R(in.Args[0]), s.R(in.Dst))
	case ir.OpZip:
		lo, hi := s.Tmp(32), s.Tmp(32)
		s.Op("VUNPCKLPS", s.R(in.Args[1]), s.R(in.Args[0]), lo)
		s.Op("VUNPCKHPS", s.R(in.Args[1]), s.R(in.Args[0]), hi)
		s.Op("VPERM2F128", asm.Imm([...]int{0x20, 0x31}[in.Imm]), hi, lo, s.R(in.Dst))
	case ir.OpPairsAcc:
		s.pairsAcc(s.R(in.Args[0]), s.R(in.Args[1]), s.R(in.Args[2]))
	case ir.OpTranspose:
		s.transpose(in.Args)
	case ir.OpFirst, ir.OpLoadWhere, ir.OpStoreWhere, ir.OpRaise, ir.OpAddSquares:
		s.vector(in)
	default:
		return s.scatter(in)
	}
	return true
}

// pairsAcc adds sums of 2 products of 16 bits.
func (s selector) pairsAcc(acc, x, y asm.R) {
	if s.ISA.Has("AVX512VNNI") {
		s.RMW("VPDPWSSD", y, x, acc)
		return
	}
	t := s.Tmp(32)
	s.Op("VPMADDWD", y, x, t)
	s.Op("VPADDD", t, acc, acc)
}

// second is the second operand: a value, a constant, or none.
func (s selector) second(in *ir.Instr) []asm.Operand {
	switch {
	case in.Const != nil:
		return []asm.Operand{s.Sym(in.Const)}
	case len(in.Args) == 2:
		return []asm.Operand{s.R(in.Args[1])}
	}
	return nil
}

// swap exchanges lanes that are h apart.
func (s selector) swap(v, d asm.R, h int) {
	switch h {
	case 1:
		s.Op("VPERMILPS", asm.Imm(0xB1), v, d)
	case 2:
		s.Op("VPERMILPS", asm.Imm(0x4E), v, d)
	case 4:
		s.Op("VPERM2F128", asm.Imm(1), v, v, d)
	}
}

// divide goes through doubles, whose quotient of two int32 truncates to the exact one.
func (s selector) divide(x, y, d asm.R) {
	half := func(take func(v asm.R) asm.R) asm.R {
		a, c, q := s.Tmp(32), s.Tmp(32), s.Tmp(16)
		s.Op("VCVTDQ2PD", take(x), a)
		s.Op("VCVTDQ2PD", take(y), c)
		s.Op("VDIVPD", c, a, a)
		s.Op("VCVTTPD2DQY", a, q)
		return q
	}
	lo := half(func(v asm.R) asm.R { return at(v, 16) })
	hi := half(func(v asm.R) asm.R {
		t := s.Tmp(16)
		s.Op("VEXTRACTI128", asm.Imm(1), v, t)
		return t
	})
	zero := s.Tmp(32)
	s.zero(zero)
	s.Op("VPCMPEQD", zero, y, zero)
	s.Op("VINSERTI128", asm.Imm(1), hi, at(lo, 32), at(lo, 32))
	s.Op("VPANDN", at(lo, 32), zero, d)
}

// toF16 is x as f16 in the lower half of a register. Every NaN is made sign|0x7FC00000 first, which
// converts to sign|0x7E00.
func (s selector) toF16(x asm.R) asm.R {
	mask, nan := s.Tmp(32), s.Tmp(32)
	s.Op("VCMPPS", asm.Imm(unordered), x, x, mask)
	s.Op("VPAND", s.Sym(splat(0x80000000)), x, nan)
	s.Op("VPOR", s.Sym(splat(0x7FC00000)), nan, nan)
	s.Op("VBLENDVPS", mask, nan, x, nan)
	s.Op("VCVTPS2PH", asm.Imm(0), nan, at(nan, 16))
	return at(nan, 16)
}

// toBF16 adds half a unit, less one where the upper half is even.
func (s selector) toBF16(x, d asm.R) {
	mask, upper, sum := s.Tmp(32), s.Tmp(32), s.Tmp(32)
	s.Op("VPSRLD", asm.Imm(16), x, upper)
	s.Op("VPAND", s.Sym(splat(1)), upper, sum)
	s.Op("VPADDD", s.Sym(splat(0x7FFF)), sum, sum)
	s.Op("VPADDD", x, sum, sum)
	s.Op("VPSRLD", asm.Imm(16), sum, sum)
	s.Op("VCMPPS", asm.Imm(unordered), x, x, mask)
	s.Op("VPOR", s.Sym(splat(0x40)), upper, upper)
	s.Op("VBLENDVPS", mask, upper, sum, d)
}

// sum4 adds the lanes of four vectors to one of four, as a tree of unpacks and sums.
func (s selector) sum4(dst asm.R, v []*ir.Value, elem ir.Elem) {
	add := "VPADDD"
	if elem == ir.F32 {
		add = "VADDPS"
	}
	pair := func(lo, hi string, x, y asm.R) asm.R {
		a, b := s.Tmp(32), s.Tmp(32)
		s.Op(lo, y, x, a)
		s.Op(hi, y, x, b)
		s.Op(add, b, a, a)
		return a
	}
	first := pair("VPUNPCKLDQ", "VPUNPCKHDQ", s.R(v[0]), s.R(v[1]))
	second := pair("VPUNPCKLDQ", "VPUNPCKHDQ", s.R(v[2]), s.R(v[3]))
	all := pair("VPUNPCKLQDQ", "VPUNPCKHQDQ", first, second)
	upper := s.Tmp(16)
	s.Op("VEXTRACTI128", asm.Imm(1), all, upper)
	s.Op(add, upper, at(all, 16), dst)
}
