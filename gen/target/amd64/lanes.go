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
	ir.OpSubI: "VPSUBD", ir.OpMulI: "VPMULLD", ir.OpMinI: "VPMINSD", ir.OpMaxI: "VPMAXSD", ir.OpAbsI: "VPABSD", ir.OpAddPairs: "VPHADDD", ir.OpAverage: "VPAVGB",
}

// relation is the immediate of VCMPPS. The ordered comparisons are false for a NaN.
var relation = map[ir.Relation]int{ir.Equal: 0x00, ir.NotEqual: 0x04, ir.Less: 0x11, ir.LessEqual: 0x12, ir.Greater: 0x1E, ir.GreaterEqual: 0x1D, ir.NotLess: 0x15}

// unordered is the immediate that asks for NaNs.
const unordered = 0x03

// lanes selects the operations of encoders, transforms and the rounding of activations.
func (s *selector) lanes(in *ir.Instr) {
	if name, ok := straight[in.Op]; ok {
		s.op(name, append(s.second(in), s.r(in.Args[0]), s.r(in.Dst))...)
		return
	}
	switch in.Op {
	case ir.OpTable:
		c := in.Const
		for len(c)%8 != 0 {
			c = append(c, 0)
		}
		s.op("LEAQ", s.pool.sym(c), s.r(in.Dst))
	case ir.OpAlign:
		s.rmw("ADDQ", asm.Imm(in.Imm-1), s.r(in.Args[0]))
		s.rmw("ANDQ", asm.Imm(-in.Imm), s.r(in.Args[0]))
	case ir.OpFloor:
		s.op("VROUNDPS", asm.Imm(9), s.r(in.Args[0]), s.r(in.Dst))
	case ir.OpCompareF:
		args := append([]asm.Operand{asm.Imm(relation[in.Imm])}, s.second(in)...)
		s.op("VCMPPS", append(args, s.r(in.Args[0]), s.r(in.Dst))...)
	case ir.OpCompareI:
		name := map[ir.Relation]string{ir.Equal: "VPCMPEQD", ir.Greater: "VPCMPGTD"}[in.Imm]
		s.op(name, append(s.second(in), s.r(in.Args[0]), s.r(in.Dst))...)
	case ir.OpSelect:
		s.op("VBLENDVPS", s.r(in.Args[0]), s.r(in.Args[1]), s.r(in.Args[2]), s.r(in.Dst))
	case ir.OpDivI:
		s.divide(s.r(in.Args[0]), s.r(in.Args[1]), s.r(in.Dst))
	case ir.OpToF16:
		s.op("VPMOVZXWD", s.toF16(s.r(in.Args[0])), s.r(in.Dst))
	case ir.OpRoundF16:
		s.op("VCVTPH2PS", s.toF16(s.r(in.Args[0])), s.r(in.Dst))
	case ir.OpToBF16:
		s.toBF16(s.r(in.Args[0]), s.r(in.Dst))
	case ir.OpLevels:
		d, mask := s.r(in.Dst), s.tmp(32)
		s.f.Emit(&asm.Inst{Name: "VPCMPEQD", Args: []asm.Operand{mask, mask, mask}, Idiom: true})
		s.zero(d) // three distinct registers: the result is live before the gather
		g := s.mem(in.Mem).(asm.Mem)
		g.Index, g.Scale = s.reg(in.Args[0]), 4
		s.f.Emit(&asm.Inst{Name: "VGATHERDPS", Args: []asm.Operand{mask, g, d}, RMW: true, Clobber: []*asm.Reg{mask.Reg}})
	case ir.OpSum4:
		s.sum4(s.r(in.Dst), in.Args, in.Dst.Type.Elem)
	case ir.OpSwap:
		s.swap(s.r(in.Args[0]), s.r(in.Dst), in.Imm)
	case ir.OpMerge:
		upper := map[int]int{1: 0xAA, 2: 0xCC, 4: 0xF0}[in.Imm]
		s.op("VBLENDPS", asm.Imm(upper), s.r(in.Args[1]), s.r(in.Args[0]), s.r(in.Dst))
	case ir.OpOrder:
		s.op("VPERMD", at(s.r(in.Args[0]), 32), s.constantRegister(in.Const), s.r(in.Dst))
	case ir.OpPackS4:
		lo, hi, order := s.tmp(32), s.tmp(32), s.tmp(32)
		s.op("VPACKSSDW", s.r(in.Args[1]), s.r(in.Args[0]), lo)
		s.op("VPACKSSDW", s.r(in.Args[3]), s.r(in.Args[2]), hi)
		s.op("VPACKSSWB", hi, lo, lo)
		s.op("VMOVDQU", s.pool.sym(dwords(0, 4, 1, 5, 2, 6, 3, 7)), order)
		s.op("VPERMD", lo, order, s.r(in.Dst))
	case ir.OpPackS2:
		t := s.tmp(32)
		s.op("VPACKSSDW", s.r(in.Args[1]), s.r(in.Args[0]), t)
		s.op("VPERMQ", asm.Imm(0xD8), t, s.r(in.Dst))
	case ir.OpZipWords:
		name := [...]string{"VPUNPCKLWD", "VPUNPCKHWD"}[in.Imm]
		s.op(name, s.r(in.Args[1]), s.r(in.Args[0]), s.r(in.Dst))
	case ir.OpZip:
		lo, hi := s.tmp(32), s.tmp(32)
		s.op("VUNPCKLPS", s.r(in.Args[1]), s.r(in.Args[0]), lo)
		s.op("VUNPCKHPS", s.r(in.Args[1]), s.r(in.Args[0]), hi)
		s.op("VPERM2F128", asm.Imm([...]int{0x20, 0x31}[in.Imm]), hi, lo, s.r(in.Dst))
	case ir.OpPairsAcc:
		s.pairsAcc(s.r(in.Args[0]), s.r(in.Args[1]), s.r(in.Args[2]))
	case ir.OpTranspose:
		s.transpose(in.Args)
	case ir.OpFirst, ir.OpLoadWhere, ir.OpStoreWhere, ir.OpRaise, ir.OpAddSquares:
		s.vector(in)
	default:
		s.scatter(in)
	}
}

// pairsAcc adds sums of 2 products of 16 bits.
func (s *selector) pairsAcc(acc, x, y asm.R) {
	if s.isa.VNNI {
		s.rmw("VPDPWSSD", y, x, acc)
		return
	}
	t := s.tmp(32)
	s.op("VPMADDWD", y, x, t)
	s.op("VPADDD", t, acc, acc)
}

// second is the second operand: a value, a constant, or none.
func (s *selector) second(in *ir.Instr) []asm.Operand {
	switch {
	case in.Const != nil:
		return []asm.Operand{s.pool.sym(in.Const)}
	case len(in.Args) == 2:
		return []asm.Operand{s.r(in.Args[1])}
	}
	return nil
}

// swap exchanges lanes that are h apart.
func (s *selector) swap(v, d asm.R, h int) {
	switch h {
	case 1:
		s.op("VPERMILPS", asm.Imm(0xB1), v, d)
	case 2:
		s.op("VPERMILPS", asm.Imm(0x4E), v, d)
	case 4:
		s.op("VPERM2F128", asm.Imm(1), v, v, d)
	}
}

// divide goes through doubles, whose quotient of two int32 truncates to the exact one.
func (s *selector) divide(x, y, d asm.R) {
	half := func(take func(v asm.R) asm.R) asm.R {
		a, c, q := s.tmp(32), s.tmp(32), s.tmp(16)
		s.op("VCVTDQ2PD", take(x), a)
		s.op("VCVTDQ2PD", take(y), c)
		s.op("VDIVPD", c, a, a)
		s.op("VCVTTPD2DQY", a, q)
		return q
	}
	lo := half(func(v asm.R) asm.R { return at(v, 16) })
	hi := half(func(v asm.R) asm.R {
		t := s.tmp(16)
		s.op("VEXTRACTI128", asm.Imm(1), v, t)
		return t
	})
	zero := s.tmp(32)
	s.zero(zero)
	s.op("VPCMPEQD", zero, y, zero)
	s.op("VINSERTI128", asm.Imm(1), hi, at(lo, 32), at(lo, 32))
	s.op("VPANDN", at(lo, 32), zero, d)
}

// toF16 is x as f16 in the lower half of a register. Every NaN is made sign|0x7FC00000 first, which converts to sign|0x7E00.
func (s *selector) toF16(x asm.R) asm.R {
	mask, nan := s.tmp(32), s.tmp(32)
	s.op("VCMPPS", asm.Imm(unordered), x, x, mask)
	s.op("VPAND", s.pool.sym(splat(0x80000000)), x, nan)
	s.op("VPOR", s.pool.sym(splat(0x7FC00000)), nan, nan)
	s.op("VBLENDVPS", mask, nan, x, nan)
	s.op("VCVTPS2PH", asm.Imm(0), nan, at(nan, 16))
	return at(nan, 16)
}

// toBF16 adds half a unit, less one where the upper half is even.
func (s *selector) toBF16(x, d asm.R) {
	mask, upper, sum := s.tmp(32), s.tmp(32), s.tmp(32)
	s.op("VPSRLD", asm.Imm(16), x, upper)
	s.op("VPAND", s.pool.sym(splat(1)), upper, sum)
	s.op("VPADDD", s.pool.sym(splat(0x7FFF)), sum, sum)
	s.op("VPADDD", x, sum, sum)
	s.op("VPSRLD", asm.Imm(16), sum, sum)
	s.op("VCMPPS", asm.Imm(unordered), x, x, mask)
	s.op("VPOR", s.pool.sym(splat(0x40)), upper, upper)
	s.op("VBLENDVPS", mask, upper, sum, d)
}

// sum4 adds the lanes of four vectors to one of four, as a tree of unpacks and sums.
func (s *selector) sum4(dst asm.R, v []*ir.Value, elem ir.Elem) {
	add := "VPADDD"
	if elem == ir.F32 {
		add = "VADDPS"
	}
	pair := func(lo, hi string, x, y asm.R) asm.R {
		a, b := s.tmp(32), s.tmp(32)
		s.op(lo, y, x, a)
		s.op(hi, y, x, b)
		s.op(add, b, a, a)
		return a
	}
	first := pair("VPUNPCKLDQ", "VPUNPCKHDQ", s.r(v[0]), s.r(v[1]))
	second := pair("VPUNPCKLDQ", "VPUNPCKHDQ", s.r(v[2]), s.r(v[3]))
	all := pair("VPUNPCKLQDQ", "VPUNPCKHQDQ", first, second)
	upper := s.tmp(16)
	s.op("VEXTRACTI128", asm.Imm(1), all, upper)
	s.op(add, upper, at(all, 16), dst)
}
