package amd64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// vector selects the operations of kernels over vectors of any length.
func (s selector) vector(in *ir.Instr) {
	switch in.Op {
	case ir.OpFirst:
		n := s.Tmp(32)
		s.Op("VMOVQ", s.R(in.Args[0]), at(n, 16))
		s.Op("VPBROADCASTD", at(n, 16), n)
		s.Op("VPCMPGTD", s.Sym(dwords(0, 1, 2, 3, 4, 5, 6, 7)), n, s.R(in.Dst))
	case ir.OpLoadWhere:
		s.Op("VMASKMOVPS", s.Mem(in.Mem), s.R(in.Args[0]), s.R(in.Dst))
	case ir.OpStoreWhere:
		s.Store("VMASKMOVPS", s.R(in.Args[0]), s.R(in.Args[1]), s.Mem(in.Mem))
	case ir.OpRaise: // where one is a NaN, VMAXPS gives the operand that Go writes first
		acc := s.R(in.Args[0])
		s.Op("VMAXPS", acc, s.R(in.Args[1]), acc)
	// a square of f32 is exact in f64, so that a fused addition rounds as two operations do
	case ir.OpAddSquares:
		x, half := s.R(in.Args[1]), s.Tmp(32)
		if in.Imm == 0 {
			s.Op("VCVTPS2PD", at(x, 16), half)
		} else {
			s.Op("VEXTRACTF128", asm.Imm(1), x, at(half, 16))
			s.Op("VCVTPS2PD", at(half, 16), half)
		}
		s.RMW("VFMADD231PD", half, half, s.R(in.Args[0]))
	}
}
