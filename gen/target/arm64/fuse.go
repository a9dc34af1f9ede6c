package arm64

import (
	"bytes"

	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/ir"
)

// Where the readers of a value are known, some operations are less than one instruction.

// same makes the result of an operation that does nothing: the argument itself, where neither is
// written again.
func (s selector) same(in *ir.Instr) {
	x := in.Args[0]
	if s.Fresh(in.Dst) && s.Fresh(x) {
		s.Rename(in.Dst, s.Reg(x))
		return
	}
	s.op("orr", s.R(in.Dst), s.R(x), s.R(x))
}

// A lane that fills a vector is a factor of a product as it stands.

// isFactor reports whether all that reads a value are products that take a lane of a register.
func (s selector) isFactor(v *ir.Value) bool {
	readers := s.Readers(v)
	if len(readers) == 0 || !s.Fresh(v) {
		return false
	}
	for _, in := range readers {
		args := in.Args
		if in.Op == ir.OpFMA {
			args = args[1:]
		}
		switch {
		case in.Op != ir.OpFMA && in.Op != ir.OpMul || len(args) != 2 || args[0] == args[1]:
			return false
		case in.Op == ir.OpMul && s.inFirst(args[0]) && s.inFirst(args[1]) && s.isFactor(in.Dst):
		case args[0] == v && s.splats(args[0]) && s.splats(args[1]): // one of two is a vector
			return false
		}
	}
	return true
}

// splats reports whether one lane fills a value, by the operation that makes it.
func (s selector) splats(v *ir.Value) bool {
	in := s.Made(v)
	return s.inFirst(v) || in != nil && in.Op == ir.OpOrder && isSplat(in) && s.Fresh(in.Args[0])
}

// inFirst reports whether that is the first lane of its register: of a number from memory, or of a
// product of two.
func (s selector) inFirst(v *ir.Value) bool {
	in := s.Made(v)
	if in == nil || in.Dst.Type.Elem != ir.F32 || !s.Fresh(v) {
		return false
	}
	return in.Op == ir.OpBroadcast || in.Op == ir.OpBcastF16 || in.Op == ir.OpMul && len(in.Args) == 2 && s.inFirst(in.Args[0]) && s.inFirst(in.Args[1])
}

func isSplat(in *ir.Instr) bool {
	return in.Dst.Type.Elem == ir.F32 && bytes.Equal(in.Const[:len(in.Const)-4], in.Const[4:])
}

// isIdentity reports whether an order leaves 4 lanes where they are.
func isIdentity(in *ir.Instr) bool {
	return in.Args[0].Type == in.Dst.Type && bytes.Equal(in.Const, words(0, 1, 2, 3))
}

// lane is the register and the lane of a value that is left to the products that read it.
func (s selector) lane(v *ir.Value) (r asm.R, lane int, ok bool) {
	in := s.Made(v)
	switch {
	case in == nil || !s.splats(v) || !s.isFactor(v):
		return r, 0, false
	case in.Op == ir.OpOrder:
		return s.R(in.Args[0]), int(word(in.Const, 0)), true
	}
	return s.R(v), 0, true
}

func (s selector) multiply(in *ir.Instr) {
	x, d := s.R(in.Args[0]), s.R(in.Dst)
	if in.Const == nil && !(s.inFirst(in.Dst) && s.isFactor(in.Dst)) {
		if v, lane, ok := s.lane(in.Args[1]); ok {
			s.op("fmul.lane", d, x, v, asm.Imm(lane))
			return
		}
		if v, lane, ok := s.lane(in.Args[0]); ok {
			s.op("fmul.lane", d, s.R(in.Args[1]), v, asm.Imm(lane))
			return
		}
	}
	s.op("fmul.4s", d, x, s.second(in))
}

// A shift of words whose bytes are masked afterwards is one of bytes where the mask takes off what
// came from the next byte.

// shiftsBytes reports whether all readers of a shift are such masks.
func (s selector) shiftsBytes(in *ir.Instr) bool {
	if in.Op != ir.OpShr || in.Imm < 1 || in.Imm > 7 || in.Dst.Type.Elem != ir.I8 || !s.Fresh(in.Dst) {
		return false
	}
	readers := s.Readers(in.Dst)
	for _, r := range readers {
		if r.Op != ir.OpAnd || r.Const == nil || or(r.Const)&^(0xff>>in.Imm) != 0 {
			return false
		}
	}
	return len(readers) > 0
}

// masked reports whether a mask takes nothing off that a shift of bytes left.
func (s selector) masked(in *ir.Instr) bool {
	if in.Op != ir.OpAnd || in.Const == nil {
		return false
	}
	from := s.Made(in.Args[0])
	if from == nil || from.Op != ir.OpShr && from.Op != ir.OpShrVar || from.Dst.Type.Elem != ir.I8 {
		return false
	}
	n := from.Imm
	if from.Op == ir.OpShrVar {
		var same bool
		if n, same = uniform(from); !same {
			return false
		}
	}
	for _, c := range in.Const {
		if n < 1 || n > 7 || c != 0xff>>n {
			return false
		}
	}
	shift := *from
	shift.Op, shift.Imm = ir.OpShr, n
	return s.shiftsBytes(&shift)
}

// uniform is the number of bits of a shift where it is the same for all lanes.
func uniform(in *ir.Instr) (n int, same bool) {
	return int(min(word(in.Const, 0), 255)), bytes.Equal(in.Const[:len(in.Const)-4], in.Const[4:])
}
