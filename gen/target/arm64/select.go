package arm64

import (
	"encoding/binary"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// one maps operations that are one instruction: of all arguments, in order, or of the first one
// and a constant.
var one = map[ir.Op]string{
	ir.OpAnd: "and", ir.OpOr: "orr", ir.OpXor: "eor",
	ir.OpAddB: "add.16b", ir.OpSumB: "add.16b", ir.OpEqB: "cmeq.16b", ir.OpAbsB: "abs.16b", ir.OpAverage: "urhadd.16b", ir.OpShiftB: "ushl.16b", ir.OpShuffle: "tbl1",
	ir.OpAddI: "add.4s", ir.OpSubI: "sub.4s", ir.OpMulI: "mul.4s", ir.OpMinI: "smin.4s", ir.OpMaxI: "smax.4s", ir.OpAbsI: "abs.4s",
	ir.OpWidenPairs: "saddlp.4s",
	ir.OpAdd:        "fadd.4s", ir.OpSub: "fsub.4s", ir.OpDiv: "fdiv.4s", ir.OpSqrt: "fsqrt.4s", ir.OpFloor: "frintm.4s",
	ir.OpToF32: "scvtf.4s",
}

func (s selector) simple(in *ir.Instr) bool {
	key, ok := one[in.Op]
	if !ok {
		return false
	}
	if s.masked(in) {
		s.same(in)
		return true
	}
	if s.insertedLater(in) || s.insert(in) {
		return true
	}
	args := []asm.Operand{s.R(in.Args[0])}
	if in.Const != nil || len(in.Args) == 2 {
		args = append(args, s.second(in))
	}
	s.op(key, s.R(in.Dst), args...)
	return true
}

// scalar selects what is done with addresses and words.
func (s selector) scalar(in *ir.Instr) bool {
	switch in.Op {
	case ir.OpParam:
		s.Op("MOVD", s.Param(in.Imm), s.R(in.Dst))
	case ir.OpSlot:
		if s.Unread(in.Dst) {
			return true
		}
		// The frame is aligned to 8 or 16; slots hold whole vectors, so the address is rounded up.
		off := s.F.AllocSlot(in.Imm + 32)
		s.Op("MOVD", asm.Address{Of: asm.Slot{Off: off + 31}}, s.R(in.Dst))
		s.RMW("AND", asm.Imm(-32), s.R(in.Dst))
	case ir.OpTable:
		c := in.Const
		for len(c)%8 != 0 {
			c = append(c, 0)
		}
		s.Op("MOVD", asm.Address{Of: s.Sym(c)}, s.R(in.Dst))
	case ir.OpCopy:
		s.Op("MOVD", s.R(in.Args[0]), s.R(in.Dst))
	case ir.OpAddImm:
		s.RMW("ADD", asm.Imm(in.Imm), s.R(in.Args[0]))
	case ir.OpAddInt:
		s.RMW("ADD", s.R(in.Args[1]), s.R(in.Args[0]))
	case ir.OpAlign:
		s.RMW("ADD", asm.Imm(in.Imm-1), s.R(in.Args[0]))
		s.RMW("AND", asm.Imm(-in.Imm), s.R(in.Args[0]))
	case ir.OpConst:
		s.constant(in.Const, s.R(in.Dst))
	case ir.OpZero:
		if in.Dst.Type.Elem == ir.Word {
			s.Op("MOVD", asm.Imm(0), s.R(in.Dst))
			return true
		}
		s.op("movi.16b", s.R(in.Dst), asm.Imm(0))
	case ir.OpAs, ir.OpFactor: // levels are multiplied as they stand
		s.Rename(in.Dst, s.Reg(in.Args[0]))
	default:
		return false
	}
	return true
}

// compute selects the operations on bits, bytes and integers that are several instructions, or
// whose immediate decides.
func (s selector) compute(in *ir.Instr) bool {
	switch in.Op {
	case ir.OpShr, ir.OpShl, ir.OpSar:
		s.shift(in)
	case ir.OpShrVar, ir.OpShlVar: // by the low byte, and to the right where that is below 0
		if n, same := uniform(in); same && n < 32 {
			all := *in
			all.Op, all.Imm = map[ir.Op]ir.Op{ir.OpShrVar: ir.OpShr, ir.OpShlVar: ir.OpShl}[in.Op], n
			s.shift(&all)
			return true
		}
		c := make([]byte, 0, 16)
		for l := range len(in.Const) / 4 {
			n := int32(min(word(in.Const, l), 32))
			if in.Op == ir.OpShrVar {
				n = -n
			}
			c = binary.LittleEndian.AppendUint32(c, uint32(n))
		}
		s.op("ushl.4s", s.R(in.Dst), s.R(in.Args[0]), s.ConstantRegister(c))
	case ir.OpTable16: // an index above 15 gives 0
		index := s.R(in.Args[0])
		if s.bits(in.Args[0])&0xf0 != 0 {
			index = s.make1("and", index, s.splat(0x0f0f0f0f))
		}
		s.op("tbl1", s.R(in.Dst), s.Table(in.Const, 16), index)
	case ir.OpSelectBit:
		d := s.result(in)
		s.op("cmtst.16b", d, s.R(in.Args[0]), s.splat(0x01010101<<in.Imm))
		s.rmw("bsl", d, s.R(in.Args[1]), s.R(in.Args[2]))
		s.done(in, d)
	case ir.OpSignB:
		d := s.result(in)
		set := s.make1("cmtst.16b", s.R(in.Args[1]), s.R(in.Args[1]))
		minus := s.make1("neg.16b", s.R(in.Args[0]))
		s.op("cmlt0.16b", d, s.R(in.Args[1]))
		s.rmw("bsl", d, minus, s.R(in.Args[0]))
		s.op("and", s.R(in.Dst), d, set)
	case ir.OpAccumulate:
		key := map[ir.Elem]string{ir.I16: "add.8h", ir.I32: "add.4s", ir.F32: "fadd.4s"}[in.Args[0].Type.Elem]
		acc := s.R(in.Args[0])
		s.op(key, acc, acc, s.R(in.Args[1]))
	case ir.OpDivI:
		s.divide(in)
	case ir.OpCompareI:
		key := map[ir.Relation]string{ir.Equal: "cmeq.4s", ir.Greater: "cmgt.4s"}[in.Imm]
		s.op(key, s.R(in.Dst), s.R(in.Args[0]), s.second(in))
	case ir.OpSelect:
		d := s.result(in)
		s.op("orr", d, s.R(in.Args[0]), s.R(in.Args[0]))
		s.rmw("bsl", d, s.R(in.Args[1]), s.R(in.Args[2]))
		s.done(in, d)
	case ir.OpFirst:
		n := s.make1("dupw.4s", s.R(in.Args[0]))
		s.op("cmgt.4s", s.R(in.Dst), n, s.ConstantRegister(words(0, 1, 2, 3)))
	default:
		return false
	}
	return true
}

func (s selector) shift(in *ir.Instr) {
	if s.shiftsBytes(in) {
		s.op("ushr.16b", s.R(in.Dst), s.R(in.Args[0]), asm.Imm(in.Imm))
		return
	}
	x, d := s.R(in.Args[0]), s.R(in.Dst)
	wide := in.Dst.Type.Elem != ir.I16
	key := map[ir.Op]string{ir.OpShr: "ushr.4s", ir.OpShl: "shl.8h", ir.OpSar: "sshr.8h"}[in.Op]
	if wide {
		key = map[ir.Op]string{ir.OpShr: "ushr.4s", ir.OpShl: "shl.4s", ir.OpSar: "sshr.4s"}[in.Op]
	}
	if in.Imm == 0 { // to the right by nothing has no encoding
		s.same(in)
		return
	}
	s.op(key, d, x, asm.Imm(in.Imm))
}

// divide goes through doubles, whose quotient of two int32 truncates to the exact one. By 0 it is
// 0.
func (s selector) divide(in *ir.Instr) {
	half := func(widen string) asm.R {
		x := s.make1(widen, s.R(in.Args[0]), asm.Imm(0))
		y := s.make1(widen, s.R(in.Args[1]), asm.Imm(0))
		s.op("scvtf.2d", x, x)
		s.op("scvtf.2d", y, y)
		s.op("fdiv.2d", x, x, y)
		s.op("fcvtzs.2d", x, x)
		return x
	}
	lo, hi := half("sshll.2d"), half("sshll2.2d")
	set := s.make1("cmtst.4s", s.R(in.Args[1]), s.R(in.Args[1]))
	s.op("uzp1.4s", lo, lo, hi)
	s.op("and", s.R(in.Dst), lo, set)
}

// word is a word of a constant.
func word(c []byte, l int) uint32 { return binary.LittleEndian.Uint32(c[4*l:]) }

// words is a constant of 32-bit lanes.
func words(v ...uint32) (c []byte) {
	for _, x := range v {
		c = binary.LittleEndian.AppendUint32(c, x)
	}
	return c
}
