package arm64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// lanes selects what moves values between lanes.
func (s selector) lanes(in *ir.Instr) bool {
	var d asm.R
	if in.Dst != nil {
		d = s.R(in.Dst)
	}
	switch in.Op {
	case ir.OpZipWords:
		s.op([...]string{"zip1.8h", "zip2.8h"}[in.Imm], d, s.R(in.Args[0]), s.R(in.Args[1]))
	case ir.OpZip:
		s.op([...]string{"zip1.4s", "zip2.4s"}[in.Imm], d, s.R(in.Args[0]), s.R(in.Args[1]))
	case ir.OpAddPairs:
		key := map[ir.Elem]string{ir.I32: "addp.4s", ir.F32: "faddp.4s"}[in.Dst.Type.Elem]
		s.op(key, d, s.R(in.Args[0]), s.R(in.Args[1]))
	case ir.OpSwap:
		x := s.R(in.Args[0])
		if in.Imm == 1 {
			s.op("rev64.4s", d, x)
		} else {
			s.op("ext", d, x, x, asm.Imm(8))
		}
	case ir.OpMerge:
		x, y := s.R(in.Args[0]), s.R(in.Args[1])
		if in.Imm == 1 {
			s.op("trn1.4s", d, x, s.make1("rev64.4s", y))
		} else {
			s.op("zip1.2d", d, x, s.make1("ext", y, y, asm.Imm(8)))
		}
	case ir.OpOrder:
		if s.splats(in.Dst) && s.isFactor(in.Dst) {
			return true
		}
		if isIdentity(in) {
			s.same(in)
			return true
		}
		s.order(d, s.R(in.Args[0]), in.Const)
	case ir.OpPack4:
		lo := s.make1("uzp1.8h", s.R(in.Args[0]), s.R(in.Args[1]))
		hi := s.make1("uzp1.8h", s.R(in.Args[2]), s.R(in.Args[3]))
		s.op("uzp1.16b", d, lo, hi)
	case ir.OpPackS2:
		d := s.result(in)
		s.packed(d, in.Args)
		s.done(in, d)
	case ir.OpPackS4:
		lo, hi := s.v(), s.v()
		s.packed(lo, in.Args[:2])
		s.packed(hi, in.Args[2:])
		s.op("sqxtn.8b", d, lo)
		s.rmw("sqxtn2.16b", d, hi)
	case ir.OpSum4:
		s.sum4(d, in.Args, in.Dst.Type.Elem)
	case ir.OpTranspose:
		for k, r := range s.turned(in.Args) {
			s.Rename(in.Args[k], r.Reg)
		}
	default:
		return false
	}
	return true
}

// order picks a lane of x for each word of lanes.
func (s selector) order(d, x asm.R, lanes []byte) {
	l := func(k int) uint32 { return word(lanes, k) }
	if l(0) == l(1) && l(1) == l(2) && l(2) == l(3) {
		s.op("dup.4s", d, x, asm.Imm(l(0)))
		return
	}
	var index []uint32
	for k := range 4 {
		index = append(index, 0x03020100+0x04040404*l(k))
	}
	s.op("tbl1", d, x, s.ConstantRegister(words(index...)))
}

// packed narrows two vectors to 16 bits, saturated.
func (s selector) packed(d asm.R, two []*ir.Value) {
	s.op("sqxtn.4h", d, s.R(two[0]))
	s.rmw("sqxtn2.8h", d, s.R(two[1]))
}

// sum4 adds the lanes of four vectors: those 2 apart first, which only a float shows.
func (s selector) sum4(d asm.R, v []*ir.Value, elem ir.Elem) {
	key := "addp.4s"
	half := func(x, y *ir.Value) asm.R { return s.make1(key, s.R(x), s.R(y)) }
	if elem == ir.F32 {
		key = "faddp.4s"
		half = func(x, y *ir.Value) asm.R {
			t := s.make1("zip1.2d", s.R(x), s.R(y))
			s.op("fadd.4s", t, t, s.make1("zip2.2d", s.R(x), s.R(y)))
			return t
		}
	}
	s.op(key, d, half(v[0], v[1]), half(v[2], v[3]))
}

// turned is a square of 4 vectors, transposed, in other registers.
func (s selector) turned(v []*ir.Value) []asm.R {
	var pairs, all []asm.R
	for k := 0; k < 4; k += 2 {
		for _, key := range []string{"trn1.4s", "trn2.4s"} {
			pairs = append(pairs, s.make1(key, s.R(v[k]), s.R(v[k+1])))
		}
	}
	for _, key := range []string{"zip1.2d", "zip2.2d"} {
		for k := range 2 {
			all = append(all, s.make1(key, pairs[k], pairs[2+k]))
		}
	}
	return all
}
