package amd64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// vector selects the operations of kernels over vectors of any length.
func (s *selector) vector(in *ir.Instr) {
	switch in.Op {
	case ir.OpFirst:
		n := s.tmp(32)
		s.op("VMOVQ", s.r(in.Args[0]), at(n, 16))
		s.op("VPBROADCASTD", at(n, 16), n)
		s.op("VPCMPGTD", s.pool.sym(dwords(0, 1, 2, 3, 4, 5, 6, 7)), n, s.r(in.Dst))
	case ir.OpLoadWhere:
		s.op("VMASKMOVPS", s.mem(in.Mem), s.r(in.Args[0]), s.r(in.Dst))
	case ir.OpStoreWhere:
		s.store("VMASKMOVPS", s.r(in.Args[0]), s.r(in.Args[1]), s.mem(in.Mem))
	case ir.OpRaise: // where one is a NaN, VMAXPS gives the operand that Go writes first
		acc := s.r(in.Args[0])
		s.op("VMAXPS", acc, s.r(in.Args[1]), acc)
	case ir.OpAddSquares: // a square of f32 is exact in f64, so that a fused addition rounds as two operations do
		x, half := s.r(in.Args[1]), s.tmp(32)
		if in.Imm == 0 {
			s.op("VCVTPS2PD", at(x, 16), half)
		} else {
			s.op("VEXTRACTF128", asm.Imm(1), x, at(half, 16))
			s.op("VCVTPS2PD", at(half, 16), half)
		}
		s.rmw("VFMADD231PD", half, half, s.r(in.Args[0]))
	}
}
