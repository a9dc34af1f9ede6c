package arm64

import "github.com/kvgen/kvgen/gen/ir"

// The bits of a mask go into a value that has none there in one instruction: x|y&mask. The mask is
// left to the operation that reads it.

// insertedLater reports whether the one reader of a mask puts it into its first argument.
func (s selector) insertedLater(in *ir.Instr) bool {
	if in.Op != ir.OpAnd || in.Const == nil || !s.Fresh(in.Dst) || !s.Fresh(in.Args[0]) {
		return false
	}
	readers := s.Readers(in.Dst)
	if len(readers) != 1 || readers[0].Op != ir.OpOr || len(readers[0].Args) != 2 || readers[0].Args[1] != in.Dst {
		return false
	}
	into := readers[0].Args[0]
	taken := bytewise(s.byteBits(into), in.Const, func(x, y byte) byte { return x & y })
	return s.owns(into) && len(s.Readers(into)) == 1 && or(taken) == 0
}

// insert selects the reader.
func (s selector) insert(in *ir.Instr) bool {
	if in.Op != ir.OpOr || len(in.Args) != 2 || s.Placed(in.Args[1]) {
		return false
	}
	mask := s.Made(in.Args[1])
	if mask == nil || mask.Op != ir.OpAnd {
		return false
	}
	s.Rename(in.Dst, s.Reg(in.Args[0]))
	s.rmw("bit", s.R(in.Dst), s.R(mask.Args[0]), s.ConstantRegister(mask.Const))
	return true
}

// owns reports whether a value was made in a register that is no other's.
func (s selector) owns(v *ir.Value) bool {
	in := s.Made(v)
	if in == nil || !s.Fresh(v) {
		return false
	}
	switch in.Op {
	case ir.OpAnd: // of a mask that does nothing the register is the argument's
		return !s.masked(in) || len(s.Readers(in.Args[0])) == 1
	case ir.OpOr, ir.OpShuffle, ir.OpShiftB, ir.OpTable16:
		return true
	}
	return false
}
