package arm64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// dots selects sums of products of integers. Unsigned factors below 128 are signed ones as well.
func (s selector) dots(in *ir.Instr) bool {
	switch in.Op {
	case ir.OpDotS8, ir.OpDotU8S8:
		s.dot(s.R(in.Dst), in.Args[0], in.Args[1], in.Op == ir.OpDotS8, false)
	case ir.OpDotS8Acc, ir.OpDotAcc:
		s.dot(s.R(in.Args[0]), in.Args[1], in.Args[2], in.Op == ir.OpDotS8Acc, true)
	case ir.OpPairsU8S8:
		s.pairs(s.R(in.Dst), in.Args[0], in.Args[1], false)
	case ir.OpPairsAcc:
		x, y, acc := s.R(in.Args[1]), s.R(in.Args[2]), s.R(in.Args[0])
		t := s.make1("smull.4s", x, y)
		s.op("addp.4s", t, t, s.make1("smull2.4s", x, y))
		s.op("add.4s", acc, acc, t)
	default:
		return false
	}
	return true
}

// dot is sums of 4 products of bytes, or adds them.
func (s selector) dot(d asm.R, x, y *ir.Value, signed, add bool) {
	signed = signed || s.bits(x)&0x80 == 0
	switch {
	case signed && s.ISA.Has("ASIMDDP"):
		if !add {
			s.op("movi.16b", d, asm.Imm(0))
		}
		s.rmw("sdot.4s", d, s.R(x), s.R(y))
	case add:
		t := s.v()
		s.pairs(t, x, y, signed)
		s.rmw("sadalp.4s", d, t)
	default:
		t := s.v()
		s.pairs(t, x, y, signed)
		s.op("saddlp.4s", d, t)
	}
}

// pairs is sums of 2 products of bytes, which fit 16 bits.
func (s selector) pairs(d asm.R, x, y *ir.Value, signed bool) {
	signed = signed || s.bits(x)&0x80 == 0
	if signed {
		t := s.make1("smull.8h", s.R(x), s.R(y))
		s.op("addp.8h", d, t, s.make1("smull2.8h", s.R(x), s.R(y)))
		return
	}
	half := func(suffix string) asm.R {
		t := s.make1("ushll"+suffix, s.R(x), asm.Imm(0))
		s.op("mul.8h", t, t, s.make1("sshll"+suffix, s.R(y), asm.Imm(0)))
		return t
	}
	s.op("addp.8h", d, half(".8h"), half("2.8h"))
}
