package amd64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/target/simd"
)

// simple maps operations that are one instruction: Args[1], Args[0], Dst in Go's
// operand order, or a constant in place of Args[1].
var simple = map[ir.Op]string{
	ir.OpOr: "VPOR", ir.OpAdd: "VADDPS", ir.OpSub: "VSUBPS", ir.OpMul: "VMULPS", ir.OpSignB: "VPSIGNB",
	ir.OpShuffle: "VPSHUFB", ir.OpShrVar: "VPSRLVD", ir.OpShlVar: "VPSLLVD", ir.OpAnd: "VPAND", ir.OpXor: "VPXOR",
	ir.OpAddB: "VPADDB", ir.OpSumB: "VPADDB", ir.OpEqB: "VPCMPEQB", ir.OpAddI: "VPADDD",
	ir.OpShr: "VPSRLD", ir.OpShl: "VPSLLD", ir.OpSar: "VPSRAD",
	ir.OpAbsB: "VPABSB", ir.OpToF32: "VCVTDQ2PS",
}

// words maps shifts of 16-bit lanes.
var words = map[ir.Op]string{ir.OpShl: "VPSLLW", ir.OpSar: "VPSRAW"}

// selector writes x86-64 instructions.
type selector struct{ *simd.Selector }

// instr selects an operation, and reports whether there is a selection.
func (s selector) instr(in *ir.Instr) bool {
	if name, ok := words[in.Op]; ok && in.Dst != nil && in.Dst.Type.Elem == ir.I16 {
		s.Op(name, asm.Imm(in.Imm), s.R(in.Args[0]), s.R(in.Dst))
		return true
	}
	if name, ok := simple[in.Op]; ok {
		args := []asm.Operand{}
		switch {
		case in.Const != nil:
			args = append(args, s.Constant(in.Const))
		case len(in.Args) == 2:
			args = append(args, s.Operand(in.Args[1]))
		case in.Op == ir.OpShr || in.Op == ir.OpShl || in.Op == ir.OpSar:
			args = append(args, asm.Imm(in.Imm))
		}
		s.Op(name, append(args, s.R(in.Args[0]), s.R(in.Dst))...)
		return true
	}
	return s.scalar(in) || s.memory(in) || s.compute(in) || s.lanes(in)
}

func (s selector) scalar(in *ir.Instr) bool {
	switch in.Op {
	case ir.OpParam:
		s.Op("MOVQ", s.Param(in.Imm), s.R(in.Dst))
	case ir.OpSlot:
		if s.Unread(in.Dst) {
			return true
		}
		// The frame is aligned to 8; slots hold whole vectors, so the address is rounded up to 32.
		off := s.F.AllocSlot(in.Imm + 32)
		s.Op("LEAQ", asm.Slot{Off: off + 31}, s.R(in.Dst))
		s.RMW("ANDQ", asm.Imm(-32), s.R(in.Dst))
	case ir.OpCopy:
		s.Op("MOVQ", s.R(in.Args[0]), s.R(in.Dst))
	case ir.OpAddImm:
		s.RMW("ADDQ", asm.Imm(in.Imm), s.R(in.Args[0]))
	case ir.OpAddInt:
		s.RMW("ADDQ", s.R(in.Args[1]), s.R(in.Args[0]))
	default:
		return false
	}
	return true
}

func (s selector) compute(in *ir.Instr) bool {
	switch in.Op {
	case ir.OpTable16:
		s.Op("VPSHUFB", s.R(in.Args[0]), s.Table(in.Const, in.Dst.Type.Bytes()), s.R(in.Dst))
	case ir.OpSelectBit:
		mask := s.Tmp(32)
		s.Op("VPSLLW", asm.Imm(7-in.Imm), s.R(in.Args[0]), mask)
		s.Op("VPBLENDVB", mask, s.R(in.Args[1]), s.R(in.Args[2]), s.R(in.Dst))
	case ir.OpFactor:
		s.Op("VPABSB", s.R(in.Args[0]), s.R(in.Dst))
	case ir.OpDotS8:
		quants := s.signed(in.Args[0], in.Args[1])
		s.dot(s.R(in.Dst), s.R(in.Args[0]), quants)
	case ir.OpDotS8Acc:
		quants := s.signed(in.Args[1], in.Args[2])
		s.dotAcc(s.R(in.Args[0]), s.R(in.Args[1]), quants)
	case ir.OpDotU8S8:
		s.dot(s.R(in.Dst), s.R(in.Args[0]), s.Operand(in.Args[1]))
	case ir.OpDotAcc:
		s.dotAcc(s.R(in.Args[0]), s.R(in.Args[1]), s.Operand(in.Args[2]))
	case ir.OpPairsU8S8:
		s.Op("VPMADDUBSW", s.R(in.Args[1]), s.R(in.Args[0]), s.R(in.Dst))
	case ir.OpWidenPairs:
		s.Op("VPMADDWD", s.Constant(ones16), s.R(in.Args[0]), s.R(in.Dst))
	case ir.OpAccumulate:
		name := map[ir.Elem]string{ir.I16: "VPADDW", ir.I32: "VPADDD", ir.F32: "VADDPS"}[in.Args[0].Type.Elem]
		s.Op(name, s.R(in.Args[1]), s.R(in.Args[0]), s.R(in.Args[0]))
	case ir.OpPack4:
		lo, hi, d := s.Tmp(32), s.Tmp(32), s.R(in.Dst)
		s.Op("VPACKUSDW", s.R(in.Args[1]), s.R(in.Args[0]), lo)
		s.Op("VPACKUSDW", s.R(in.Args[3]), s.R(in.Args[2]), hi)
		s.Op("VPACKUSWB", hi, lo, lo)
		order := s.Tmp(32)
		s.Op("VMOVDQU", s.Sym(dwords(0, 4, 1, 5, 2, 6, 3, 7)), order)
		s.Op("VPERMD", lo, order, d)
	case ir.OpTableF32:
		s.tableF32(s.R(in.Dst), s.R(in.Args[0]), in.Const)
	case ir.OpFMA:
		s.RMW("VFMADD231PS", s.Operand(in.Args[2]), s.R(in.Args[1]), s.R(in.Args[0]))
	case ir.OpHSum:
		s.hsum(s.R(in.Args[0]), s.Mem(in.Mem))
	default:
		return false
	}
	return true
}

// dot is the sums of 4 products of unsigned bytes x and signed bytes y.
func (s selector) dot(d, x asm.R, y asm.Operand) {
	if s.ISA.Has("AVX512VNNI") {
		s.zero(d)
		s.RMW("VPDPBUSD", y, x, d)
		return
	}
	s.Op("VPMADDUBSW", y, x, d)
	s.Op("VPMADDWD", s.Constant(ones16), d, d)
}

// dotAcc adds them to acc.
func (s selector) dotAcc(acc, x asm.R, y asm.Operand) {
	if s.ISA.Has("AVX512VNNI") {
		s.RMW("VPDPBUSD", y, x, acc)
		return
	}
	t := s.Tmp(32)
	s.Op("VPMADDUBSW", y, x, t)
	s.Op("VPMADDWD", s.Constant(ones16), t, t)
	s.Op("VPADDD", t, acc, acc)
}

// signed gives quants the signs of the levels that factor, in whose register only their magnitudes
// are, was made of: the machine multiplies unsigned by signed bytes.
func (s selector) signed(factor, quants *ir.Value) asm.R {
	q := s.Tmp(32)
	s.Op("VPSIGNB", s.R(s.Made(factor).Args[0]), s.R(quants), q)
	return q
}

// tableF32 looks up n entries by permutes of 8 and selects by the higher bits of the index.
func (s selector) tableF32(dst, index asm.R, table []byte) {
	if len(table) <= 32 {
		for len(table) < 32 {
			table = append(table, 0, 0, 0, 0)
		}
		s.Op("VPERMPS", s.Constant(table), index, dst)
		return
	}
	bit := 3
	for 4<<(bit+1) < len(table) {
		bit++
	}
	lo, hi, mask := s.Tmp(dst.Width), s.Tmp(dst.Width), s.Tmp(dst.Width)
	s.tableF32(lo, index, table[:4<<bit:4<<bit])
	s.tableF32(hi, index, table[4<<bit:])
	s.Op("VPSLLD", asm.Imm(31-bit), index, mask)
	s.Op("VBLENDVPS", mask, hi, lo, dst)
}

// hsum adds lanes pairwise: halves, then quarters, then neighbours.
func (s selector) hsum(v asm.R, to asm.Operand) {
	t, u := s.Tmp(16), s.Tmp(16)
	s.Op("VEXTRACTF128", asm.Imm(1), at(v, 32), t)
	s.Op("VADDPS", at(v, 16), t, t)
	s.Op("VMOVHLPS", t, t, u)
	s.Op("VADDPS", u, t, t)
	s.Op("VMOVSHDUP", t, u)
	s.Op("VADDSS", u, t, t)
	s.Store("VMOVSS", t, to)
}
