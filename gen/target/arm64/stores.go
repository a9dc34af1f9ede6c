package arm64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// store selects what writes memory.
func (s selector) store(in *ir.Instr) bool {
	if in.Op.Mem != ir.Writes {
		return false
	}
	m, x := s.at(in.Mem, 0), s.R(in.Args[0])
	lanes := func(key string, at func(l int) int) {
		for l := range 4 {
			s.put(key, x, asm.Imm(at(l)), s.pointer(plus(m, l*in.Imm)))
		}
	}
	switch in.Op {
	case ir.OpStore:
		s.Store("FMOVQ", x, m)
	case ir.OpStoreLow:
		s.Store(map[int]string{4: "FMOVS", 8: "FMOVD", 16: "FMOVQ"}[in.Imm], x, m)
	case ir.OpStoreWhere:
		s.where(in.Args[1], func(l int) { s.put("st1.s", x, asm.Imm(l), s.pointer(plus(m, 4*l))) })
	case ir.OpStoreHalves:
		s.Store("FMOVD", s.make1("xtn.4h", x), m)
	case ir.OpScatterHalf:
		lanes("st1.h", func(l int) int { return 2 * l })
	case ir.OpScatterByte:
		lanes("st1.b", func(l int) int { return 4 * l })
	case ir.OpScatter:
		s.scatter(in.Args, func(l int) asm.Mem { return plus(m, l*in.Imm) })
	case ir.OpHSum: // lanes 2 apart first
		t := s.make1("ext", x, x, asm.Imm(8))
		s.op("fadd.4s", t, t, x)
		s.op("faddp.s", t, t)
		s.Store("FMOVS", t, m)
	default:
		return false
	}
	return true
}

// scatter stores lane l of all arguments as one run of words.
func (s selector) scatter(args []*ir.Value, to func(l int) asm.Mem) {
	switch len(args) {
	case 1:
		s.Store("FMOVS", s.R(args[0]), to(0))
		for l := 1; l < 4; l++ {
			s.put("st1.s", s.R(args[0]), asm.Imm(l), s.pointer(to(l)))
		}
	case 2:
		for k, key := range []string{"zip1.4s", "zip2.4s"} {
			t := s.make1(key, s.R(args[0]), s.R(args[1]))
			s.Store("FMOVD", t, to(2*k))
			s.put("st1.d", t, asm.Imm(1), s.pointer(to(2*k+1)))
		}
	case 4:
		for l, r := range s.turned(args) {
			s.Store("FMOVQ", r, to(l))
		}
	}
}
