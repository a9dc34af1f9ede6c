package arm64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// floats selects what is done with f32.
func (s selector) floats(in *ir.Instr) bool {
	switch in.Op {
	case ir.OpMinF, ir.OpMaxF: // FMIN and FMAX differ in NaNs and in zeros
		x, y, d := s.R(in.Args[0]), s.second(in), s.result(in)
		if in.Op == ir.OpMinF {
			s.op("fcmgt.4s", d, y, x)
		} else {
			s.op("fcmgt.4s", d, x, y)
		}
		s.rmw("bsl", d, x, y)
		s.done(in, d)
	case ir.OpRaise:
		acc, x := s.R(in.Args[0]), s.R(in.Args[1])
		s.rmw("bit", acc, x, s.make1("fcmgt.4s", x, acc))
	case ir.OpMul:
		s.multiply(in)
	case ir.OpFMA:
		x, y := s.R(in.Args[1]), s.R(in.Args[2])
		if v, lane, ok := s.lane(in.Args[2]); ok {
			s.rmw("fmla.lane", s.R(in.Args[0]), x, v, asm.Imm(lane))
		} else if v, lane, ok := s.lane(in.Args[1]); ok {
			s.rmw("fmla.lane", s.R(in.Args[0]), y, v, asm.Imm(lane))
		} else {
			s.rmw("fmla.4s", s.R(in.Args[0]), x, y)
		}
	case ir.OpAddSquares: // a square of f32 is exact in f64: one rounding is as good as two
		half := s.make1([...]string{"fcvtl.2d", "fcvtl2.2d"}[in.Imm], s.R(in.Args[1]))
		s.rmw("fmla.2d", s.R(in.Args[0]), half, half)
	case ir.OpCompareF:
		s.compare(in)
	case ir.OpTruncI, ir.OpRintI: // what does not fit saturates, a NaN is 0: both are to be -2^31
		key := map[ir.Op]string{ir.OpTruncI: "fcvtzs.4s", ir.OpRintI: "fcvtns.4s"}[in.Op]
		t, fits := s.make1(key, s.R(in.Args[0])), s.result(in)
		s.op("facgt.4s", fits, s.splat(0x4f000000), s.R(in.Args[0]))
		s.rmw("bsl", fits, t, s.splat(0x80000000))
		s.done(in, fits)
	case ir.OpToF16:
		s.op("ushll.4s", s.R(in.Dst), s.toF16(s.R(in.Args[0])), asm.Imm(0))
	case ir.OpRoundF16:
		s.op("fcvtl.4s", s.R(in.Dst), s.toF16(s.R(in.Args[0])))
	case ir.OpToBF16:
		s.toBF16(in)
	case ir.OpTableF32:
		s.tableF32(s.R(in.Dst), s.R(in.Args[0]), in.Const)
	default:
		return false
	}
	return true
}

func (s selector) compare(in *ir.Instr) {
	x, y, d := s.R(in.Args[0]), s.second(in), s.R(in.Dst)
	switch in.Imm {
	case ir.Equal:
		s.op("fcmeq.4s", d, x, y)
	case ir.NotEqual:
		s.op("fcmeq.4s", d, x, y)
		s.op("mvn", d, d)
	case ir.Less:
		s.op("fcmgt.4s", d, y, x)
	case ir.LessEqual:
		s.op("fcmge.4s", d, y, x)
	case ir.Greater:
		s.op("fcmgt.4s", d, x, y)
	case ir.GreaterEqual:
		s.op("fcmge.4s", d, x, y)
	case ir.NotLess:
		s.op("fcmgt.4s", d, y, x)
		s.op("mvn", d, d)
	}
}

// toF16 is x as 4 f16. Every NaN is made sign|0x7FC00000 first, which converts to sign|0x7E00.
func (s selector) toF16(x asm.R) asm.R {
	nan := s.make1("and", x, s.splat(0x80000000))
	s.op("orr", nan, nan, s.splat(0x7FC00000))
	t := s.make1("fcmeq.4s", x, x)
	s.rmw("bsl", t, x, nan)
	s.op("fcvtn.4h", t, t)
	return t
}

// toBF16 adds half a unit, less one where the upper half is even.
func (s selector) toBF16(in *ir.Instr) {
	x, d := s.R(in.Args[0]), s.result(in)
	upper := s.make1("ushr.4s", x, asm.Imm(16))
	sum := s.make1("and", upper, s.splat(1))
	s.op("add.4s", sum, sum, s.splat(0x7FFF))
	s.op("add.4s", sum, sum, x)
	s.op("ushr.4s", sum, sum, asm.Imm(16))
	s.op("orr", upper, upper, s.splat(0x40))
	s.op("fcmeq.4s", d, x, x)
	s.rmw("bsl", d, sum, upper)
	s.done(in, d)
}

// tableF32 looks up words by their bytes: byte k of entry i is byte 4*i+k of the table. A lookup
// sees 64 bytes; another leaves what it does not see as it is.
func (s selector) tableF32(d, index asm.R, table []byte) {
	at := s.make1("mul.4s", index, s.splat(0x04040404))
	s.op("add.16b", at, at, s.splat(0x03020100))
	for from := 0; from < len(table); from += 64 {
		part := append([]byte(nil), table[from:min(from+64, len(table))]...)
		if from > 0 {
			at = s.make1("add.16b", at, s.splat(0xc0c0c0c0))
		}
		s.lookUp(d, at, part, from > 0)
	}
}

// lookUp picks bytes of at most 64; more keeps those of d whose index is beyond them.
func (s selector) lookUp(d, at asm.R, table []byte, more bool) {
	key, size := "tbl4", 64
	switch {
	case more:
		key = "tbx4"
	case len(table) <= 16:
		key, size = "tbl1", 16
	case len(table) <= 32:
		key, size = "tbl2", 32
	}
	for len(table) < size {
		table = append(table, 0)
	}
	list := s.Registers(table)
	if more {
		s.rmw(key, d, list, at)
		return
	}
	s.op(key, d, list, at)
}
