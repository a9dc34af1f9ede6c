package arm64

import (
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// load selects what reads memory.
func (s selector) load(in *ir.Instr) bool {
	if in.Op.Mem != ir.Reads && in.Op.Mem != ir.ReadsTwo && in.Op.Mem != ir.Hints {
		return false
	}
	d, m := asm.R{}, s.at(in.Mem, 0)
	if in.Dst != nil {
		d = s.R(in.Dst)
	}
	switch in.Op {
	case ir.OpLoad:
		s.loadWhole(m, d)
	case ir.OpPrefetch:
		if m.Disp < 0 || m.Disp%8 != 0 || m.Disp >= 8<<12 {
			m = asm.Mem{Base: s.pointer(m).Reg}
		}
		s.put("prfm", asm.R{Reg: m.Base}, asm.Imm(m.Disp))
	case ir.OpLoadLow:
		s.loadLow(4*in.Imm, m, d)
	case ir.OpBroadcast:
		s.loadLow(4, m, d)
		if in.Dst.Type.Elem != ir.F32 || !s.isFactor(in.Dst) {
			s.op("dup.4s", d, d, asm.Imm(0))
		}
	case ir.OpLoadF16:
		s.loadLow(8, m, d)
		s.op("fcvtl.4s", d, d)
	case ir.OpBcastF16:
		s.half(d, m)
		s.op("fcvt.s", d, d)
		if !s.isFactor(in.Dst) {
			s.op("dup.4s", d, d, asm.Imm(0))
		}
	case ir.OpStrideF16:
		s.join(d, func(t asm.R, l int) { s.half(t, plus(m, l*in.Imm)) }, "zip1.8h", "zip1.4s")
		s.op("fcvtl.4s", d, d)
	case ir.OpLoadBF16:
		s.loadLow(8, m, d)
		s.op("shll.4s", d, d)
	case ir.OpBcastBF16:
		s.half(d, m)
		s.op("shll.4s", d, d)
		s.op("dup.4s", d, d, asm.Imm(0))
	case ir.OpBcastE8M0: // a zero byte is the subnormal 2^-127
		s.piece(d, "b", m)
		s.op("dup.4s", d, d, asm.Imm(0))
		zero := s.make1("cmeq0.4s", d)
		s.op("and", zero, zero, s.splat(0x00400000))
		s.op("shl.4s", d, d, asm.Imm(23))
		s.op("orr", d, d, zero)
	case ir.OpLoadDup:
		s.loadDup(in.Imm, m, d)
	case ir.OpLoadBytes:
		s.loadBytes(m, in.Imm, d)
	case ir.OpWidenS8, ir.OpWidenU8:
		key := map[ir.Op]string{ir.OpWidenS8: "sshll", ir.OpWidenU8: "ushll"}[in.Op]
		s.loadLow(4, m, d)
		s.op(key+".8h", d, d, asm.Imm(0))
		s.op(key+".4s", d, d, asm.Imm(0))
	case ir.OpGather:
		s.join(d, func(t asm.R, l int) { s.Op("FMOVS", plus(m, int(int32(word(in.Const, l)))), t) }, "zip1.4s", "zip1.2d")
	default:
		return s.pick(in, m)
	}
	return true
}

// pick selects the loads of which a vector says what they read.
func (s selector) pick(in *ir.Instr, m asm.Mem) bool {
	switch in.Op {
	case ir.OpLevels:
		table := s.pointer(m)
		s.join(s.R(in.Dst), func(t asm.R, l int) {
			index := s.x()
			s.op("smov.s", index, s.R(in.Args[0]), asm.Imm(l))
			s.Op("FMOVS", asm.Mem{Base: table.Reg, Index: index.Reg, Scale: 4}, t)
		}, "zip1.4s", "zip1.2d")
	case ir.OpLevels8:
		table, x, y := s.pointer(m), s.v(), s.v()
		for k, t := range []asm.R{x, y} {
			index := s.x()
			s.op("smov.s", index, s.R(in.Args[0]), asm.Imm(2*k))
			s.Op("FMOVD", asm.Mem{Base: table.Reg, Index: index.Reg, Scale: 8}, t)
		}
		s.op("zip1.2d", s.R(in.Dst), x, y)
	case ir.OpLoadWhere:
		d := s.R(in.Dst)
		s.op("movi.16b", d, asm.Imm(0))
		s.where(in.Args[0], func(l int) { s.rmw("ld1.s", d, asm.Imm(l), s.pointer(plus(m, 4*l))) })
	default:
		return false
	}
	return true
}

// join puts 4 pieces side by side.
func (s selector) join(d asm.R, piece func(t asm.R, l int), two, four string) {
	var halves []asm.R
	for l := 0; l < 4; l += 2 {
		x, y := s.v(), s.v()
		piece(x, l)
		piece(y, l+1)
		s.op(two, x, x, y)
		halves = append(halves, x)
	}
	s.op(four, d, halves[0], halves[1])
}

// where does something for each lane that a mask has set.
func (s selector) where(mask *ir.Value, do func(l int)) {
	for l := range 4 {
		bit, skip := s.x(), s.F.NewLabel("unset")
		s.op("smov.s", bit, s.R(mask), asm.Imm(l))
		s.Store("CMP", asm.Imm(0), bit)
		s.F.Jump("BEQ", skip)
		do(l)
		s.F.Label(skip)
	}
}

// loadWhole loads a vector. Neoverse cores make two operations of a distance that is a multiple of
// the size, and three of a pair; beyond what the other encoding reaches a pair is shorter.
func (s selector) loadWhole(m asm.Mem, d asm.R) {
	if last := s.F.Last(); last != nil && last.Name == "FMOVQ" && !last.NoWrite {
		before, at := last.Args[0].(asm.Mem), last.Args[1].(asm.R)
		fits := before.Disp%16 == 0 && before.Disp >= -1024 && before.Disp < 1024
		if before.Base == m.Base && before.Index == nil && before.Disp+16 == m.Disp && fits && at.Reg != d.Reg {
			last.Name, last.Args[1] = "FLDPQ", asm.Pair{at, d}
			return
		}
	}
	s.loadLow(16, m, d)
}

// loadLow loads 4, 8 or 16 bytes.
func (s selector) loadLow(n int, m asm.Mem, d asm.R) {
	if key := map[int]string{4: "ldur.s", 8: "ldur.d", 16: "ldur.q"}[n]; isNear(m) {
		s.op(key, d, asm.R{Reg: m.Base}, asm.Imm(m.Disp))
		return
	}
	s.Op(map[int]string{4: "FMOVS", 8: "FMOVD", 16: "FMOVQ"}[n], m, d)
}

// isNear reports whether a distance fits the encoding that has it in bytes.
func isNear(m asm.Mem) bool { return m.Index == nil && m.Disp >= -256 && m.Disp < 256 }

// half brings 2 bytes of memory into a register, and zeros.
func (s selector) half(t asm.R, m asm.Mem) { s.piece(t, "h", m) }

// piece brings a byte or 2 into a register, and zeros.
func (s selector) piece(t asm.R, size string, m asm.Mem) {
	base, bytes := asm.R{Reg: m.Base}, map[string]int{"b": 1, "h": 2}[size]
	switch {
	case isNear(m):
		s.op("ldur."+size, t, base, asm.Imm(m.Disp))
	case m.Disp >= 0 && m.Disp%bytes == 0 && m.Disp < bytes<<12:
		s.op("ldr."+size, t, base, asm.Imm(m.Disp))
	default:
		s.op("ldr."+size, t, s.pointer(m), asm.Imm(0))
	}
}

func (s selector) loadDup(n int, m asm.Mem, d asm.R) {
	switch n {
	case 4:
		s.loadLow(4, m, d)
		s.op("dup.4s", d, d, asm.Imm(0))
	case 8:
		s.loadLow(8, m, d)
		s.op("dup.2d", d, d, asm.Imm(0))
	default:
		s.loadWhole(m, d)
	}
}

// loadBytes reads n < 16 bytes and nothing beyond them.
func (s selector) loadBytes(m asm.Mem, n int, d asm.R) {
	off := 0
	for _, p := range []struct {
		size      int
		name, ins string
	}{{8, "FMOVD", ""}, {4, "FMOVS", "s"}, {2, "h", "h"}, {1, "b", "b"}} {
		if n-off < p.size {
			continue
		}
		t := d
		if off > 0 {
			t = s.v()
		}
		if p.size > 2 {
			s.Op(p.name, plus(m, off), t)
		} else {
			s.piece(t, p.name, plus(m, off))
		}
		if off > 0 {
			s.rmw("ins."+p.ins, d, asm.Imm(off/p.size), t, asm.Imm(0))
		}
		off += p.size
	}
}
