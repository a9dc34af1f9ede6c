package amd64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// simple maps operations that are one instruction: Args[1], Args[0], Dst in Go's
// operand order, or a constant in place of Args[1].
var simple = map[ir.Op]string{
	ir.OpOr: "VPOR", ir.OpAdd: "VADDPS", ir.OpSub: "VSUBPS", ir.OpMul: "VMULPS", ir.OpSignB: "VPSIGNB",
	ir.OpShuffle: "VPSHUFB", ir.OpShrVar: "VPSRLVD", ir.OpShlVar: "VPSLLVD", ir.OpAnd: "VPAND", ir.OpXor: "VPXOR",
	ir.OpAddB: "VPADDB", ir.OpEqB: "VPCMPEQB", ir.OpAddI: "VPADDD",
	ir.OpShr: "VPSRLD", ir.OpShl: "VPSLLD", ir.OpSar: "VPSRAD",
	ir.OpAbsB: "VPABSB", ir.OpToF32: "VCVTDQ2PS",
}

// words maps shifts of 16-bit lanes.
var words = map[ir.Op]string{ir.OpShl: "VPSLLW", ir.OpSar: "VPSRAW"}

func (s *selector) instr(in *ir.Instr) {
	s.pool.role = roleOf(in)
	if name, ok := words[in.Op]; ok && in.Dst != nil && in.Dst.Type.Elem == ir.I16 {
		s.op(name, asm.Imm(in.Imm), s.r(in.Args[0]), s.r(in.Dst))
		return
	}
	if name, ok := simple[in.Op]; ok {
		args := []asm.Operand{}
		switch {
		case in.Const != nil:
			args = append(args, s.constant(in.Const))
		case len(in.Args) == 2:
			args = append(args, s.operand(in.Args[1]))
		case in.Op == ir.OpShr || in.Op == ir.OpShl || in.Op == ir.OpSar:
			args = append(args, asm.Imm(in.Imm))
		}
		s.op(name, append(args, s.r(in.Args[0]), s.r(in.Dst))...)
		return
	}
	switch {
	case in.Op >= ir.OpTable:
		s.lanes(in)
	case in.Op <= ir.OpAddInt:
		s.scalar(in)
	case in.Op <= ir.OpAs:
		s.memory(in)
	default:
		s.compute(in)
	}
}

func (s *selector) scalar(in *ir.Instr) {
	switch in.Op {
	case ir.OpParam:
		s.op("MOVQ", asm.Param{Name: s.src.Params[in.Imm].Name, Off: 8 * in.Imm}, s.r(in.Dst))
	case ir.OpSlot:
		if s.uses[in.Dst] == 0 {
			return
		}
		// The frame is aligned to 8; slots hold whole vectors, so the address is rounded up to 32.
		off := s.f.AllocSlot(in.Imm + 32)
		s.op("LEAQ", asm.Slot{Off: off + 31}, s.r(in.Dst))
		s.rmw("ANDQ", asm.Imm(-32), s.r(in.Dst))
	case ir.OpCopy:
		s.op("MOVQ", s.r(in.Args[0]), s.r(in.Dst))
	case ir.OpAddImm:
		s.rmw("ADDQ", asm.Imm(in.Imm), s.r(in.Args[0]))
	case ir.OpAddInt:
		s.rmw("ADDQ", s.r(in.Args[1]), s.r(in.Args[0]))
	}
}

func (s *selector) compute(in *ir.Instr) {
	switch in.Op {
	case ir.OpTable16:
		s.op("VPSHUFB", s.r(in.Args[0]), s.table16(in.Const, in.Dst.Type.Bytes()), s.r(in.Dst))
	case ir.OpSelectBit:
		mask := s.tmp(32)
		s.op("VPSLLW", asm.Imm(7-in.Imm), s.r(in.Args[0]), mask)
		s.op("VPBLENDVB", mask, s.r(in.Args[1]), s.r(in.Args[2]), s.r(in.Dst))
	case ir.OpDotU8S8:
		d := s.r(in.Dst)
		if s.isa.VNNI {
			s.zero(d)
			s.rmw("VPDPBUSD", s.operand(in.Args[1]), s.r(in.Args[0]), d)
			return
		}
		s.op("VPMADDUBSW", s.operand(in.Args[1]), s.r(in.Args[0]), d)
		s.op("VPMADDWD", s.constant(ones16), d, d)
	case ir.OpDotAcc:
		acc := s.r(in.Args[0])
		if s.isa.VNNI {
			s.rmw("VPDPBUSD", s.operand(in.Args[2]), s.r(in.Args[1]), acc)
			return
		}
		t := s.tmp(32)
		s.op("VPMADDUBSW", s.operand(in.Args[2]), s.r(in.Args[1]), t)
		s.op("VPMADDWD", s.constant(ones16), t, t)
		s.op("VPADDD", t, acc, acc)
	case ir.OpPairsU8S8:
		s.op("VPMADDUBSW", s.r(in.Args[1]), s.r(in.Args[0]), s.r(in.Dst))
	case ir.OpWidenPairs:
		s.op("VPMADDWD", s.constant(ones16), s.r(in.Args[0]), s.r(in.Dst))
	case ir.OpAccumulate:
		name := map[ir.Elem]string{ir.I16: "VPADDW", ir.I32: "VPADDD", ir.F32: "VADDPS"}[in.Args[0].Type.Elem]
		s.op(name, s.r(in.Args[1]), s.r(in.Args[0]), s.r(in.Args[0]))
	case ir.OpPack4:
		lo, hi, d := s.tmp(32), s.tmp(32), s.r(in.Dst)
		s.op("VPACKUSDW", s.r(in.Args[1]), s.r(in.Args[0]), lo)
		s.op("VPACKUSDW", s.r(in.Args[3]), s.r(in.Args[2]), hi)
		s.op("VPACKUSWB", hi, lo, lo)
		order := s.tmp(32)
		s.op("VMOVDQU", s.pool.sym(dwords(0, 4, 1, 5, 2, 6, 3, 7)), order)
		s.op("VPERMD", lo, order, d)
	case ir.OpTableF32:
		s.tableF32(s.r(in.Dst), s.r(in.Args[0]), in.Const)
	case ir.OpFMA:
		s.rmw("VFMADD231PS", s.operand(in.Args[2]), s.r(in.Args[1]), s.r(in.Args[0]))
	case ir.OpHSum:
		s.hsum(s.r(in.Args[0]), s.mem(in.Mem))
	default:
		s.bug(in)
	}
}

// tableF32 looks up n entries by permutes of 8 and selects by the higher bits of the index.
func (s *selector) tableF32(dst, index asm.R, table []byte) {
	if len(table) <= 32 {
		for len(table) < 32 {
			table = append(table, 0, 0, 0, 0)
		}
		s.op("VPERMPS", s.constant(table), index, dst)
		return
	}
	bit := 3
	for 4<<(bit+1) < len(table) {
		bit++
	}
	lo, hi, mask := s.tmp(dst.Width), s.tmp(dst.Width), s.tmp(dst.Width)
	s.tableF32(lo, index, table[:4<<bit:4<<bit])
	s.tableF32(hi, index, table[4<<bit:])
	s.op("VPSLLD", asm.Imm(31-bit), index, mask)
	s.op("VBLENDVPS", mask, hi, lo, dst)
}

// hsum adds lanes pairwise: halves, then quarters, then neighbours.
func (s *selector) hsum(v asm.R, to asm.Operand) {
	t, u := s.tmp(16), s.tmp(16)
	s.op("VEXTRACTF128", asm.Imm(1), at(v, 32), t)
	s.op("VADDPS", at(v, 16), t, t)
	s.op("VMOVHLPS", t, t, u)
	s.op("VADDPS", u, t, t)
	s.op("VMOVSHDUP", t, u)
	s.op("VADDSS", u, t, t)
	s.store("VMOVSS", t, to)
}
